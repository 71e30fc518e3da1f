import { assertEquals, assertMatch } from "@std/assert";
import { checkContext, chooseContext, kvBytesPerToken } from "./context_size.ts";

const roomy = { trained: 8192, sequences: 4, bytesPerToken: 1024, available: 64 * 2 ** 30 };

Deno.test("a context is as long as the model was trained on when memory allows", () => {
  assertEquals(chooseContext({ ...roomy, requested: 0 }), { length: 8192, notes: [] });
});

Deno.test("where memory is short the context is shorter, and a note says both lengths", () => {
  const plan = chooseContext({ ...roomy, requested: 0, available: 4096 * 4 * 1024 * 2 });
  assertEquals(plan.length, 4096);
  assertMatch(plan.notes[0]!, /4096 tokens and not the 8192/);
});

Deno.test("a requested length is kept, and a note says when it exceeds the trained length", () => {
  assertEquals(chooseContext({ ...roomy, requested: 100, available: 0 }), {
    length: 100,
    notes: [],
  });
  assertMatch(chooseContext({ ...roomy, requested: 9000 }).notes[0]!, /9000 .* 8192/);
});

Deno.test("a short context is never shortened further", () => {
  assertEquals(chooseContext({ ...roomy, trained: 1024, requested: 0, available: 0 }).length, 1024);
  assertEquals(chooseContext({ ...roomy, requested: 0, available: 0 }).length, 2048);
});

Deno.test("a token takes keys and values of every layer, with heads as long as the model says", () => {
  const shape = { layers: 4, heads: 8, kvHeads: 2, embeddingLength: 512 };
  assertEquals(kvBytesPerToken(shape, {}, "f16"), 4 * 2 * (64 + 64) * 2);
  const metadata = {
    "general.architecture": "qwen3",
    "qwen3.attention.key_length": "128",
    "qwen3.attention.value_length": "96",
  };
  assertEquals(kvBytesPerToken(shape, metadata, "f32"), 4 * 2 * (128 + 96) * 4);
  assertEquals(kvBytesPerToken(shape, metadata, "q8_0"), 4 * 2 * (128 + 96) * 34 / 32);
});

const request = {
  length: 4096,
  parallel: 4,
  kvType: "f16",
  flashAttention: "auto",
  kvUnified: false,
  bytesPerToken: 1024,
  memory: 2 ** 30,
} as const;

Deno.test("a context is refused when there is not that much memory, or its cells cannot be counted", () => {
  assertEquals(checkContext(request), null);
  assertEquals(
    checkContext({ ...request, length: 2 ** 20 })?.message,
    "A context of 1048576 tokens for 4 sequences takes 4.0 GiB with a f16 cache; there are 1.0 GiB of memory",
  );
  assertEquals(checkContext({ ...request, length: 2 ** 20, kvUnified: true }), null);
  assertEquals(checkContext({ ...request, length: 2 ** 20, bytesPerToken: null }), null);
  assertMatch(
    checkContext({ ...request, length: 2 ** 30, bytesPerToken: null })!.message,
    /4 sequences is too large/,
  );
});

Deno.test("a quantized cache is refused where flash attention is off", () => {
  const problem = (kvType: "q8_0" | "bf16", flashAttention: "on" | "off") =>
    checkContext({ ...request, kvType, flashAttention })?.field;
  assertEquals(problem("q8_0", "off"), "kv-type");
  assertEquals(problem("q8_0", "on"), undefined);
  assertEquals(problem("bf16", "off"), undefined);
});
