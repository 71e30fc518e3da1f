import { assertEquals, assertStringIncludes } from "@std/assert";
import { AIDER } from "./programs.ts";
import { testProgram } from "./run_program.ts";
import { scriptedServer } from "./scripted_server.ts";

testProgram(AIDER, "--message edits a file", async (bench) => {
  const answer = "I changed the greeting.\n\ngreeting.txt\n```\nhello shimmy\n```\n";
  await using server = scriptedServer([], answer);
  await bench.write("greeting.txt", "hello\n");
  const { code, stdout, stderr } = await bench.run([
    "--model",
    "openai/double",
    "--edit-format",
    "whole",
    "--message",
    "Greet shimmy.",
    "--yes-always",
    "--no-auto-commits",
    "--no-gitignore",
    "--no-check-update",
    "--no-show-model-warnings",
    "--no-show-release-notes",
    "--analytics-disable",
    "greeting.txt",
  ], {
    OPENAI_API_BASE: `${server.url}/v1`,
    OPENAI_API_KEY: "none",
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
  });
  assertEquals(code, 0, stderr);
  assertEquals(await Deno.readTextFile(`${bench.folder}/greeting.txt`), "hello shimmy\n", stdout);
  assertStringIncludes(server.prompts()[0]!, "Greet shimmy.");
});
