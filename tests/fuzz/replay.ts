import type { Finding } from "./finding.ts";
import type { Problem } from "./support/problem.ts";
import { TARGETS } from "./targets/mod.ts";

/** Runs the cases of a finding again. @returns the first problem; null: all were handled. */
export async function replay(
  { target: name, cases }: Pick<Finding, "target" | "cases">,
): Promise<Problem | null> {
  const target = TARGETS.find((one) => one.name === name);
  if (target === undefined) throw new RangeError(`There is no target '${name}'`);
  await using runner = await target.open();
  for (const one of cases) {
    const problem = await runner.run(one);
    if (problem !== null) return problem;
  }
  return await runner.finish();
}
