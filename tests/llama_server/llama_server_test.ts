/** llama.cpp's tests of its server: those that the table lists as passing must pass. */
import { assertEquals } from "@std/assert";
import { parseServerArguments } from "./arguments.ts";
import { REASONS } from "./reasons.ts";
import { runSuite, SuiteUnavailable } from "./suite.ts";
import { formatTable, lineOf, passes, readPassing, regressions, summary } from "./table.ts";

const TABLE = new URL("results.txt", import.meta.url);

/** Tests that need a second and together use most routes. */
const FAST = [
  "unit/test_tokenize.py",
  "unit/test_infill.py",
  "unit/test_ignore_eos.py",
  "unit/test_rerank.py",
  "unit/test_completion.py::test_completion_with_tokens_input",
  "unit/test_completion.py::test_completion_response_fields",
  "unit/test_completion.py::test_n_probs_stream",
  "unit/test_completion.py::test_n_probs_post_sampling",
  "unit/test_chat_completion.py::test_context_size_exceeded",
  "unit/test_chat_completion.py::test_chat_completion_with_timings_per_token",
];

/** All tests with a line that begins with `pass`, by their ids without parameters. */
function selectionOf(passing: ReadonlySet<string>): string[] {
  return [...new Set([...passing].map((id) => id.replace(/\[[^]*$/, "")))];
}

Deno.test({
  name: "tests of llama.cpp's server that passed still pass",
  // Servers of the suite may outlive it for a moment.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const passing = readPassing(await Deno.readTextFile(TABLE));
    const isFast = Deno.env.get("SHIMMY_SUITE") === "fast";
    try {
      const outcomes = await runSuite(isFast ? FAST : selectionOf(passing), ({ id, outcome }) => {
        console.error(`${outcome} ${id}`);
      });
      const lines = outcomes.map((outcome) => lineOf(outcome, REASONS));
      console.error(summary(lines));
      assertEquals(regressions(passing, lines).map(({ id, reason }) => `${id}: ${reason}`), []);
      assertEquals(lines.some(passes), true, "no test has run");
    } catch (error) {
      if (!(error instanceof SuiteUnavailable)) throw error;
      console.error(`skipped: ${error.message}`);
    }
  },
});

Deno.test("the launcher knows the arguments of llama-server, and names the others", () => {
  const { values, ignored } = parseServerArguments(
    ["--port", "8080", "--metrics", "-fa", "on", "--lora", "a", "--lora", "b", "--kv-unified"],
  );
  assertEquals([values.port, values["flash-attn"], values.lora, values["kv-unified"]], [
    "8080",
    "on",
    ["a", "b"],
    true,
  ]);
  assertEquals(ignored, ["--metrics"]);
});

Deno.test("a test that passed and fails now is a regression", () => {
  const base = { differentTexts: 0, failure: "" };
  const passed = lineOf({ ...base, id: "a[x | y]", outcome: "passed" }, []);
  const other = lineOf({ ...base, id: "b", outcome: "passed", differentTexts: 1 }, []);
  const table = formatTable([other, passed]);
  assertEquals(table, "pass | a[x | y]\npass without text | b\n");
  const passing = readPassing(table);
  const failed = lineOf({ ...base, id: "a[x | y]", outcome: "failed", failure: "no" }, [
    { test: /^b/, status: "not applicable", reason: "never" },
  ]);
  assertEquals(regressions(passing, [failed, other]), [failed]);
  assertEquals(failed, { id: "a[x | y]", status: "fail", reason: "no" });
});
