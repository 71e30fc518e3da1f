import { assertEquals, assertRejects } from "@std/assert";
import type { LoadPlan } from "../../engine/planning/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { SharedPlans } from "./shared_plans.ts";

/** Plans that the test finishes. */
function planner() {
  const plans = new SharedPlans();
  const started: { readonly signal: AbortSignal; finish(): void }[] = [];
  const ask = (key: string, signal?: AbortSignal) =>
    plans.get(key, signal, (signal) => {
      const { promise, resolve } = Promise.withResolvers<LoadPlan>();
      started.push({ signal, finish: () => resolve({ notes: [key] } as unknown as LoadPlan) });
      return promise;
    });
  return { ask, started };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("requests for the same plan share one process", async () => {
  const { ask, started } = planner();
  const all = Array.from({ length: 60 }, () => ask("a"));
  await settle();
  assertEquals(started.length, 1);
  started[0]!.finish();
  assertEquals(new Set(await Promise.all(all)).size, 1);
  const again = ask("a");
  await settle();
  assertEquals(started.length, 2);
  started[1]!.finish();
  await again;
});

Deno.test("plans of different models run one after the other, and their number is limited", async () => {
  const { ask, started } = planner();
  const all = Array.from({ length: 8 }, (_, index) => ask(`m${index}`));
  await settle();
  assertEquals(started.length, 1);
  const error = await assertRejects(() => ask("m9"), ShimmyError, "Too many loads");
  assertEquals(error.kind, "overloaded");
  for (let index = 0; index < 8; index++) {
    started[index]!.finish();
    await all[index];
    await settle();
  }
  assertEquals(started.length, 8);
});

Deno.test("a plan that nobody waits for is aborted, and does not delay the next one", async () => {
  const { ask, started } = planner();
  const [first, second] = [new AbortController(), new AbortController()];
  const both = [ask("a", first.signal), ask("a", second.signal)].map((plan) =>
    assertRejects(() => plan, ShimmyError, "cancelled")
  );
  await settle();
  first.abort();
  await settle();
  assertEquals(started[0]!.signal.aborted, false);
  second.abort();
  await Promise.all(both);
  assertEquals(started[0]!.signal.aborted, true);
  started[0]!.finish();
  const next = ask("b");
  await settle();
  started[1]!.finish();
  assertEquals((await next).notes, ["b"]);
});
