import { assertEquals, assertThrows } from "@std/assert";
import { BudgetError, spend, withBudget } from "./budget.ts";

const AMPLE = { steps: 1_000_000_000, milliseconds: 60_000 };

/** The steps that a budget allows one by one. */
function stepsWithin(limits: Parameters<typeof withBudget>[0], step = 1): number {
  let steps = 0;
  assertThrows(
    () =>
      withBudget(limits, "too much", () => {
        for (;; steps++) spend(step);
      }),
    BudgetError,
    "too much",
  );
  return steps;
}

Deno.test("a budget allows its steps", () => {
  assertEquals(stepsWithin({ ...AMPLE, steps: 10_000 }), 10_000);
  assertEquals(stepsWithin({ ...AMPLE, steps: 10_000 }, 3_000), 3);
});

Deno.test("work without a budget is not limited", () => {
  stepsWithin({ ...AMPLE, steps: 10 });
  spend(1_000_000);
});

Deno.test("a budget ends after its time and when the heap has grown", () => {
  stepsWithin({ ...AMPLE, milliseconds: 20 });
  const kept: unknown[] = [];
  assertThrows(
    () =>
      withBudget({ ...AMPLE, heapBytes: 8_000_000 }, "too large", () => {
        for (;; spend(1)) kept.push(new Array(10));
      }),
    BudgetError,
    "too large",
  );
});

Deno.test("work inside of two budgets counts for both", () => {
  let total = 0;
  const inner = () => {
    try {
      withBudget({ ...AMPLE, steps: 400 }, "inner", () => {
        for (;; total++) spend(1);
      });
    } catch (error) {
      assertEquals(error instanceof BudgetError, true);
    }
  };
  withBudget({ ...AMPLE, steps: 1_000 }, "outer", () => {
    for (let turn = 0; turn < 5; turn++) inner();
    assertThrows(() => spend(1), BudgetError, "outer");
  });
  assertEquals(total <= 1_000 && total >= 990, true);
});
