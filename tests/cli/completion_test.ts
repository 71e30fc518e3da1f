/** Completion scripts in the real shells. A shell that is not installed is skipped. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

function installed(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** A folder with `shimmy` on the path, and nothing of the user's. */
async function withShimmy(
  use: (run: (program: string, script: string) => Promise<string>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-completion-" });
  try {
    const program = join(folder, "shimmy");
    const command = [Deno.execPath(), "run", "--quiet", `--config=${CONFIG}`, "-A", MAIN];
    const quoted = command.map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(program, `#!/bin/sh\nexec ${quoted} "$@"\n`);
    await Deno.chmod(program, 0o755);
    const env = {
      HOME: folder,
      PATH: `${folder}:${Deno.env.get("PATH")}`,
      DENO_DIR: Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME") ?? "", ".cache", "deno"),
      SHIMMY_CACHE_DIR: join(folder, "cache"),
      TERM: "dumb",
    };
    await use(async (shell, script) => {
      const file = join(folder, "script");
      await Deno.writeTextFile(file, script);
      const { stdout, stderr, success } = await new Deno.Command(shell, {
        args: [file],
        cwd: folder,
        clearEnv: true,
        env,
      }).output();
      assert(success, new TextDecoder().decode(stderr));
      return new TextDecoder().decode(stdout);
    }, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Lines of bash that complete a command line and print the candidates. */
function completeInBash(line: string): string {
  const words = line.split(" ").map((word) => `'${word}'`).join(" ");
  return `source <(shimmy completion bash)
COMP_WORDS=(${words}); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _shimmy 2>/dev/null
printf '%s\\n' "\${COMPREPLY[@]}"
`;
}

Deno.test({
  name: "bash completes commands, options, values, models and files",
  ignore: !installed("bash"),
  fn: () =>
    withShimmy(async (run, folder) => {
      await Deno.writeTextFile(join(folder, "model.gguf"), "");
      const complete = async (line: string) =>
        (await run("bash", completeInBash(line))).trim().split("\n");
      assertEquals(await complete("shimmy ser"), ["serve"]);
      assertEquals(await complete("shimmy generate --max-t"), ["--max-tokens"]);
      assertEquals(await complete("shimmy serve --gpu-backend vu"), ["vulkan"]);
      assertEquals(await complete("shimmy serve --gpu-backend = cu"), ["cuda"]);
      assertEquals(await complete("shimmy show shimmy-t"), ["shimmy-tiny"]);
      assertEquals(await complete("shimmy generate --max-tokens 5 shimmy-t"), ["shimmy-tiny"]);
      assertEquals(await complete("shimmy serve --model-path mod"), ["model.gguf"]);
      assertEquals(await complete("shimmy completion f"), ["fish"]);
      assertEquals(await complete("shimmy help gpu"), ["gpu-info"]);
    }),
});

Deno.test({
  name: "fish completes commands, options, values and models",
  ignore: !installed("fish"),
  fn: () =>
    withShimmy(async (run) => {
      const complete = async (line: string) =>
        (await run("fish", `shimmy completion fish | source\ncomplete -C '${line}'\n`)).trim()
          .split("\n").map((candidate) => candidate.split("\t")[0]!);
      assertEquals(await complete("shimmy ser"), ["serve"]);
      assertEquals(await complete("shimmy generate --max-t"), ["--max-tokens"]);
      assertEquals(await complete("shimmy serve --gpu-backend vu"), ["vulkan"]);
      assertEquals(await complete("shimmy show shimmy-t"), ["shimmy-tiny"]);
      const described = await run(
        "fish",
        "shimmy completion fish | source\ncomplete -C 'shimmy gpu'\n",
      );
      assertStringIncludes(described, "list compute backends");
    }),
});

Deno.test({
  name: "zsh completes commands, options, values and models",
  ignore: !installed("zsh"),
  fn: () =>
    withShimmy(async (run, folder) => {
      // Completion runs only in a terminal: zsh's own module gives one to a second zsh.
      const complete = async (line: string) => {
        const output = await run(
          "zsh",
          `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1=; PROMPT=; unset zle_bracketed_paste; fpath=(${folder} $fpath)'
zpty -w z 'autoload -U compinit; compinit -u -D; shimmy completion zsh > ${folder}/comp; . ${folder}/comp'
zpty -w z 'bindkey "^I" complete-word; setopt no_list_ambiguous; print -r -- REA''DY'
local text line
while zpty -r z line; do [[ $line == *READY* ]] && break; done
zpty -w -n z '${line}'$'\\t'
zpty -w -n z $'\\C-a''print -r -- DO''NE: '$'\\n'
while zpty -r z line; do
  [[ $line == DONE:* ]] && { print -r -- "\${line#DONE: }"; break; }
done
zpty -d z
`,
        );
        return output.replaceAll("\r", "").trim();
      };
      assertEquals(await complete("shimmy ser"), "shimmy serve");
      assertEquals(await complete("shimmy generate --max-t"), "shimmy generate --max-tokens");
      assertEquals(
        await complete("shimmy serve --gpu-backend vu"),
        "shimmy serve --gpu-backend vulkan",
      );
      assertEquals(await complete("shimmy show shimmy-t"), "shimmy show shimmy-tiny");
    }),
});
