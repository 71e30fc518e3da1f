/** Programs that `shimmy launch` starts against a server with an API key. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  AIDER,
  CLAUDE_CODE,
  CLINE,
  CODEX,
  CONTINUE,
  OPENCODE,
  PI,
  QWEN_CODE,
  type Tested,
} from "./programs.ts";
import { type Bench, testProgram } from "./run_program.ts";
import { type ScriptedCall, scriptedServer } from "./scripted_server.ts";

const KEY = "key-of-the-server";

/** A number that only a shell computes from this command. */
const COMMAND = "echo shimmy-$((40+2))";
const RESULT = "shimmy-42";

/** The program's job, and what must come back to the model. */
interface Job {
  readonly client: string;
  readonly args: readonly string[];
  readonly calls: (bench: Bench) => readonly ScriptedCall[];
  readonly env?: Readonly<Record<string, string>>;
}

function testLaunch(tested: Tested, { client, args, calls, env = {} }: Job): void {
  testProgram(tested, "launch starts it, and a tool runs", async (bench) => {
    await using server = scriptedServer(calls(bench), "The tool ran.", KEY);
    await bench.write("number.txt", `${RESULT}\n`);
    const { code, stdout, stderr } = await bench.launch(
      [client, "--host", server.url, "--", ...args],
      { SHIMMY_API_KEY: KEY, ...env },
    );
    assertEquals(code, 0, stderr + stdout);
    assertStringIncludes(stdout, "The tool ran.");
    const prompts = server.prompts();
    assert(prompts.some((prompt) => prompt.includes(RESULT)), prompts.at(-1)?.slice(-2000));
    assertEquals((stdout + stderr).includes(KEY), false);
  });
}

testLaunch(CLAUDE_CODE, {
  client: "claude",
  args: ["-p", "Read number.txt."],
  calls: ({ folder }) => [["Read", { file_path: `${folder}/number.txt` }]],
});

testLaunch(CODEX, {
  client: "codex",
  args: ["exec", "Run the command."],
  calls: () => [["exec_command", { cmd: COMMAND }]],
});

testLaunch(OPENCODE, {
  client: "opencode",
  args: ["run", "Run the command."],
  calls: () => [["bash", { command: COMMAND, description: "Prints a number" }]],
});

testLaunch(QWEN_CODE, {
  client: "qwen",
  args: ["--yolo", "Read number.txt."],
  calls: ({ folder }) => [["read_file", { file_path: `${folder}/number.txt` }]],
});

testLaunch(PI, {
  client: "pi",
  args: ["-p", "Run the command."],
  calls: () => [["bash", { command: COMMAND }]],
  env: { PI_OFFLINE: "1" },
});

testLaunch(CLINE, {
  client: "cline",
  args: ["Run the command."],
  calls: () => [["run_commands", { commands: [COMMAND] }]],
});

testLaunch(CONTINUE, {
  client: "continue",
  args: ["-p", "Run the command.", "--allow", "Bash"],
  calls: () => [["Bash", { command: COMMAND }]],
});

testProgram(AIDER, "launch starts it, and it edits a file", async (bench) => {
  const answer = "I changed the greeting.\n\ngreeting.txt\n```\nhello shimmy\n```\n";
  await using server = scriptedServer([], answer, KEY);
  await bench.write("greeting.txt", "hello\n");
  const { code, stdout, stderr } = await bench.launch([
    "aider",
    "--host",
    server.url,
    "--",
    "--message",
    "Greet shimmy.",
    "--yes-always",
    "--no-auto-commits",
    "--no-gitignore",
    "--no-check-update",
    "--no-show-release-notes",
    "--analytics-disable",
    "greeting.txt",
  ], { SHIMMY_API_KEY: KEY, LITELLM_LOCAL_MODEL_COST_MAP: "True" });
  assertEquals(code, 0, stderr + stdout);
  assertEquals(await Deno.readTextFile(`${bench.folder}/greeting.txt`), "hello shimmy\n", stdout);
  // The file of model metadata was read: aider warns of a model whose context it does not know.
  assertEquals(stdout.includes("Unknown context window size"), false, stdout);
});
