import { assertEquals, assertMatch } from "@std/assert";
import { chooseContext } from "./memory_plan.ts";

const roomy = { trained: 8192, sequences: 4, bytesPerToken: 1024, available: 64 * 2 ** 30 };

Deno.test("a context is as long as the model was trained on when memory allows", () => {
  assertEquals(chooseContext({ ...roomy, asked: 0 }), { length: 8192, notes: [] });
});

Deno.test("where memory is short the context is shorter, and a note says both lengths", () => {
  const plan = chooseContext({ ...roomy, asked: 0, available: 4096 * 4 * 1024 * 2 });
  assertEquals(plan.length, 4096);
  assertMatch(plan.notes[0]!, /4096 tokens and not the 8192/);
});

Deno.test("a length that was asked for is kept, and a note tells when it exceeds the training", () => {
  assertEquals(chooseContext({ ...roomy, asked: 100, available: 0 }), { length: 100, notes: [] });
  assertMatch(chooseContext({ ...roomy, asked: 9000 }).notes[0]!, /9000 .* 8192/);
});

Deno.test("a short context is never shortened further", () => {
  assertEquals(chooseContext({ ...roomy, trained: 1024, asked: 0, available: 0 }).length, 1024);
  assertEquals(chooseContext({ ...roomy, asked: 0, available: 0 }).length, 2048);
});
