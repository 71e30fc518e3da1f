/** The manual page, as the programs that show it read it. A missing program is skipped. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { MANUAL } from "../../scripts/docs/manual.ts";
import { loadCommands } from "../../src/cli/commands/table.ts";

const PAGE = fileURLToPath(new URL(`../../${MANUAL}`, import.meta.url));

function output(program: string, args: string[]): { text: string; success: boolean } | null {
  try {
    const { stdout, stderr, success } = new Deno.Command(program, {
      args,
      env: { MANWIDTH: "100", MAN_KEEP_FORMATTING: "", TERM: "dumb" },
    }).outputSync();
    const decoder = new TextDecoder();
    return { text: decoder.decode(stdout) + decoder.decode(stderr), success };
  } catch {
    return null;
  }
}

Deno.test({
  name: "mandoc finds nothing wrong with the manual page",
  ignore: output("mandoc", ["-V"]) === null && output("mandoc", ["-Tlint", PAGE]) === null,
  fn: () => assertEquals(output("mandoc", ["-Tlint", PAGE]), { text: "", success: true }),
});

Deno.test({
  name: "man shows every command of the manual page",
  ignore: output("man", ["--version"]) === null,
  fn: async () => {
    const shown = output("man", ["-l", PAGE])!;
    assert(shown.success, shown.text);
    for (const { name } of await loadCommands()) assertStringIncludes(shown.text, `shimmy ${name}`);
    assertStringIncludes(shown.text, "--gpu-backend");
  },
});
