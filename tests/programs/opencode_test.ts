import { assertEquals, assertStringIncludes } from "@std/assert";
import { OPENCODE } from "./programs.ts";
import { testProgram } from "./run_program.ts";
import { scriptedServer } from "./scripted_server.ts";

testProgram(OPENCODE, "run runs a command and prints the answer", async (bench) => {
  await using server = scriptedServer(
    [["bash", { command: "echo shimmy-$((40+2))", description: "Prints a number" }]],
    "The command ran.",
  );
  await bench.write(
    "opencode.json",
    JSON.stringify({
      model: "shimmy/double",
      small_model: "shimmy/double",
      autoupdate: false,
      share: "disabled",
      provider: {
        shimmy: {
          npm: "@ai-sdk/openai-compatible",
          name: "Shimmy",
          options: { baseURL: `${server.url}/v1`, apiKey: "none" },
          models: { double: { name: "double" } },
        },
      },
    }),
  );
  const { code, stdout, stderr } = await bench.run(["run", "Run the command."]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "The command ran.");
  assertStringIncludes(server.prompts().at(-1)!, "shimmy-42");
});
