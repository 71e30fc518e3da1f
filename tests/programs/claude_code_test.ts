import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CLAUDE_CODE } from "./programs.ts";
import { testProgram } from "./run_program.ts";
import { RESULT, scriptedServer } from "./scripted_server.ts";

testProgram(CLAUDE_CODE, "-p finds a deferred tool and calls it", async (bench) => {
  await using server = scriptedServer(
    [["ToolSearch", { query: "select:CronList" }], ["CronList", {}]],
    "There are no jobs.",
  );
  const { code, stdout, stderr } = await bench.run(["-p", "List the scheduled jobs."], {
    ANTHROPIC_BASE_URL: server.url,
    ANTHROPIC_API_KEY: "none",
    ANTHROPIC_MODEL: "double",
    ENABLE_TOOL_SEARCH: "true",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "There are no jobs.");
  const prompts = server.prompts().filter((prompt) => prompt.includes("ToolSearch"));
  assertEquals(prompts.length, 3);
  const [first, second, third] = prompts as [string, string, string];
  // The definition comes with the result of the search, and the prefix stays the same.
  assertEquals(first.includes('"name":"CronList"'), false);
  assert(second.startsWith(first));
  assertStringIncludes(second.slice(first.length), '"name":"CronList"');
  assert(third.startsWith(second));
  assertStringIncludes(third.split(RESULT).at(-1)!, "No scheduled jobs.");
  assertEquals(first.includes("x-anthropic-billing-header"), false);
});
