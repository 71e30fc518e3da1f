import { assertEquals, assertGreater, assertLess } from "@std/assert";
import * as fc from "test:fast-check";
import { explore } from "./explore.ts";
import { readFinding, saveFinding } from "./finding.ts";
import type { Problem } from "./support/problem.ts";
import type { Target } from "./target.ts";

/** A target that fails for lists with a large number, and in another way for long lists. */
function faultyTarget(seen: unknown[] = [], late: Problem | null = null): Target {
  return {
    name: "faulty",
    open: () =>
      Promise.resolve({
        cases: fc.array(fc.nat(1_000)),
        run(value: readonly number[]) {
          seen.push(value);
          const message = value.some((one) => one > 500) ? `large '${value}'` : "long";
          const isWrong = message !== "long" || value.length > 8;
          return Promise.resolve<Problem | null>(isWrong ? { kind: "unexpected", message } : null);
        },
        finish: () => Promise.resolve(late),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}

Deno.test("each problem is found once, with the smallest case that causes it", async () => {
  const { findings, cases } = await explore(faultyTarget(), { seed: 1, milliseconds: 300 });
  const sorted = findings.map(({ cases }) => cases).sort();
  assertEquals(sorted.length, 2);
  assertEquals(sorted, [[[0, 0, 0, 0, 0, 0, 0, 0, 0]], [[501]]]);
  assertGreater(cases, 200);
});

Deno.test("the seed decides the cases", async () => {
  const run = async (seed: number) => {
    const seen: unknown[] = [];
    await explore(faultyTarget(seen), { seed, milliseconds: 50 });
    return seen.slice(0, 20);
  };
  assertEquals(await run(5), await run(5));
  assertEquals(JSON.stringify(await run(5)) === JSON.stringify(await run(6)), false);
});

Deno.test("a problem that shows at the end has the last cases", async () => {
  const target = faultyTarget([], { kind: "process", message: "1 processes are left over" });
  const { findings } = await explore(target, { seed: 1, milliseconds: 100 });
  const last = findings.at(-1)!;
  assertEquals(last.problem.kind, "process");
  assertGreater(last.cases.length, 10);
  assertLess(last.cases.length, 201);
});

Deno.test("a finding is saved as a file, and read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const problem = { kind: "hang", message: "no answer within 5 ms" } as const;
    const finding = { target: "faulty", problem, cases: [[501]] };
    const path = await saveFinding(folder, finding);
    assertEquals(await readFinding(path), finding);
    // The same problem at another time is the same file.
    const other = { ...finding, problem: { ...problem, message: "no answer within 7 ms" } };
    assertEquals(await saveFinding(folder, other), path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
