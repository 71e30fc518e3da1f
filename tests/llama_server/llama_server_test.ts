/** llama.cpp's tests of its server: each must have the outcome that the table lists. */
import { assertEquals } from "@std/assert";
import { REASONS } from "./reasons.ts";
import { FAST, runAll } from "./selection.ts";
import { runSuite, SuiteUnavailable, type TestOutcome } from "./suite.ts";
import { lineOf, passes, readTable, regressions, summary } from "./table.ts";

const TABLE = new URL("results.txt", import.meta.url);

const isFast = Deno.env.get("SHIMMY_SUITE") === "fast";

const print = ({ id, outcome }: TestOutcome) => console.error(`${outcome} ${id}`);

/** The outcomes, or why there are none. */
async function outcomesOf() {
  try {
    const outcomes = isFast ? await runSuite(FAST, print) : await runAll(print);
    return { outcomes, missing: "" };
  } catch (error) {
    if (!(error instanceof SuiteUnavailable)) throw error;
    return { outcomes: [] as TestOutcome[], missing: ` (skipped: ${error.message})` };
  }
}

// Before the test, because a test cannot be skipped while it runs.
const { outcomes, missing } = await outcomesOf();

Deno.test({
  name: `tests of llama.cpp's server have the outcomes of the table${missing}`,
  ignore: missing !== "",
  async fn() {
    const table = readTable(await Deno.readTextFile(TABLE));
    const lines = outcomes.map((outcome) => lineOf(outcome, REASONS));
    console.error(summary(lines));
    assertEquals(regressions(table, lines).map(({ id, reason }) => `${id}: ${reason}`), []);
    const ran = new Set(lines.map(({ id }) => id));
    const expected = [...table.values()].filter(passes).map(({ id }) => id)
      .filter((id) => !isFast || FAST.includes(id.split("[")[0]!));
    assertEquals(expected.filter((id) => !ran.has(id)), [], "tests have not run");
    assertEquals(expected.length > 0, true, "no test is expected to pass");
  },
});
