import { assertEquals, assertMatch } from "@std/assert";
import {
  checkContext,
  chooseContext,
  chooseContextSize,
  kvBytesPerToken,
  slidingLayers,
} from "./context_size.ts";

const roomy = {
  trained: 8192,
  sequences: 4,
  bytesPerToken: 1024,
  modelBytes: 2 ** 30,
  available: 64 * 2 ** 30,
};

Deno.test("the context has the trained length if memory allows", () => {
  assertEquals(chooseContext({ ...roomy, requested: 0 }), { length: 8192, notes: [] });
});

Deno.test("the context is shorter if memory is short, and a note has both lengths", () => {
  const plan = chooseContext({ ...roomy, requested: 0, available: 4096 * 4 * 1024 * 2 });
  assertEquals(plan.length, 4096);
  assertMatch(plan.notes[0]!, /4096 of 8192 trained tokens/);
});

Deno.test("a small file cannot claim a context of gigabytes", () => {
  const claim = { ...roomy, requested: 0, trained: 2 ** 31 - 1, modelBytes: 500_000 };
  const plan = chooseContext(claim);
  assertEquals(plan.length * claim.sequences * claim.bytesPerToken, 2 ** 27);
  assertMatch(plan.notes[0]!, /32768 of 2147483647 trained tokens/);
  assertEquals(chooseContext({ ...claim, modelBytes: 2 ** 26 }).length, 2 ** 31 / 4096);
  assertEquals(chooseContext({ ...claim, requested: 100_000 }).length, 100_000);
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

Deno.test("the KV cache size per token follows layers, heads and head lengths", () => {
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

Deno.test("a context larger than the memory or than the maximum of cells is refused", () => {
  assertEquals(checkContext(request), null);
  assertEquals(
    checkContext({ ...request, length: 2 ** 20 })?.message,
    "Cannot create a context of 1048576 tokens for 4 sequences: the f16 KV cache needs 4.0 GiB, the memory has 1.0 GiB",
  );
  assertEquals(checkContext({ ...request, length: 2 ** 20, kvUnified: true }), null);
  assertEquals(checkContext({ ...request, length: 2 ** 20, bytesPerToken: null }), null);
  assertMatch(
    checkContext({ ...request, length: 2 ** 30, bytesPerToken: null })!.message,
    /it has too many KV cells/,
  );
});

Deno.test("a quantized KV cache requires flash attention", () => {
  const problem = (kvType: "q8_0" | "bf16", flashAttention: "on" | "off") =>
    checkContext({ ...request, kvType, flashAttention })?.field;
  assertEquals(problem("q8_0", "off"), "kv-type");
  assertEquals(problem("q8_0", "on"), undefined);
  assertEquals(problem("bf16", "off"), undefined);
});

const sliding = { window: 512, fullBytesPerToken: 256, mode: "auto" } as const;

Deno.test("layers with a sliding window keep all cells if that allows the same context", () => {
  assertEquals(chooseContextSize({ ...roomy, requested: 0 }), {
    ...{ length: 8192, swaFull: true, notes: [] },
  });
  assertEquals(chooseContextSize({ ...roomy, requested: 0, sliding }).swaFull, true);
  const off = chooseContextSize({ ...roomy, requested: 0, sliding: { ...sliding, mode: "off" } });
  assertEquals(off, { length: 8192, swaFull: false, notes: [] });
});

Deno.test("layers with a sliding window keep only the window if that allows more context", () => {
  const short = { ...roomy, requested: 0, available: 4096 * 4 * 1024 * 2 };
  const auto = chooseContextSize({ ...short, sliding });
  assertEquals([auto.length, auto.swaFull], [8192, false]);
  assertMatch(auto.notes[0]!, /sliding window keep 512 tokens .* --swa-full on/);
  const on = chooseContextSize({ ...short, sliding: { ...sliding, mode: "on" } });
  assertEquals([on.length, on.swaFull], [4096, true]);
  const requested = chooseContextSize({ ...short, requested: 8192, sliding });
  assertEquals([requested.length, requested.swaFull], [8192, false]);
});

Deno.test("the share of layers with full attention comes from the metadata or the architecture", () => {
  const model = { slidingWindow: 512 };
  const share = (metadata: Record<string, string>) =>
    slidingLayers(model, metadata, 1200)?.fullBytesPerToken;
  assertEquals(share({ "general.architecture": "gemma3" }), 200);
  assertEquals(share({ "general.architecture": "other" }), 1200);
  const stored = { "general.architecture": "x", "x.attention.sliding_window_pattern": "3" };
  assertEquals(share(stored), 400);
  assertEquals(slidingLayers({ slidingWindow: 0 }, {}, 1200), null);
});
