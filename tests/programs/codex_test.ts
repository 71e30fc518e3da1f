import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CODEX } from "./programs.ts";
import { type Bench, testProgram } from "./run_program.ts";
import { scriptedServer } from "./scripted_server.ts";

function configure({ write }: Bench, url: string): Promise<void> {
  return write(
    "~/.codex/config.toml",
    `model = "double"
model_provider = "shimmy"

[model_providers.shimmy]
name = "Shimmy"
base_url = "${url}/v1"
wire_api = "responses"
`,
  );
}

testProgram(CODEX, "exec runs a command and prints the answer", async (bench) => {
  await using server = scriptedServer(
    [["exec_command", { cmd: "echo shimmy-$((40+2))" }]],
    "The command ran.",
  );
  await configure(bench, server.url);
  const { code, stdout, stderr } = await bench.run(["exec", "Run the command."]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "The command ran.");
  const prompt = server.prompts().at(-1)!;
  // The shell computed the number, so the command ran and its output came back.
  assertStringIncludes(prompt, "shimmy-42");
  assertStringIncludes(prompt, "multi_agent_v1__spawn_agent");
  assertEquals(prompt.includes("web_search"), false);
});

testProgram(CODEX, "a call of a tool in a namespace reaches the tool", async (bench) => {
  const missing = "00000000-0000-0000-0000-000000000000";
  await using server = scriptedServer(
    [["multi_agent_v1__close_agent", { target: missing }]],
    "There is no such agent.",
  );
  await configure(bench, server.url);
  const { code, stdout, stderr } = await bench.run(["exec", "Close the agent."]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "There is no such agent.");
  const result = server.prompts().at(-1)!.split("<tool_response>").at(-1)!;
  // Without the namespace, Codex answers `unsupported call: close_agent`.
  assert(!result.includes("unsupported call"), result);
  assertStringIncludes(result, missing);
});
