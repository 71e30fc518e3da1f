import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ContextShape } from "../../protocol/mod.ts";
import { contextBudget } from "./context_budget.ts";
import { checkContext } from "../check_context.ts";
import { chooseShape, type ShapeOptions } from "./context_shape.ts";
import { kvBytesPerToken, slidingLayers } from "./kv_bytes.ts";

const GIB = 2 ** 30;

const roomy: ShapeOptions = {
  requested: 0,
  trained: 8192,
  parallel: 4,
  kvUnified: "auto",
  bytesPerToken: 1024,
  budget: 4 * 8192 * 1024,
};

/** Length, sequences, whether unified, cells. */
function summary({ length, sequences, unified, cells }: ContextShape) {
  return [length, sequences, unified, cells];
}

const chosen = (changes: Partial<ShapeOptions>) => chooseShape({ ...roomy, ...changes });
const shapeOf = (changes: Partial<ShapeOptions>) => summary(chosen(changes).shape);

Deno.test("each sequence has a stream of the trained length if memory allows all of them", () => {
  const { shape, notes } = chosen({});
  assertEquals(summary(shape), [8192, 4, false, 4 * 8192]);
  assertEquals(notes, []);
  assertMatch(
    shape.reason,
    /4 sequences with a KV stream each: memory allows .* 8192 tokens for each/,
  );
  assertEquals(shape.kvBytes, 4 * 8192 * 1024);
});

Deno.test("if memory does not allow all of them, they share one buffer of the size that fits", () => {
  const { shape, notes } = chosen({ budget: 20_000 * 1024 });
  // A sequence cannot use more than the trained length, two can use the rest.
  assertEquals(summary(shape), [8192, 4, true, 19_968]);
  assertEquals(notes, []);
  assertMatch(
    shape.reason,
    /^One buffer of 19968 tokens for 4 sequences: .* need 32 MiB, .* 20 MiB$/,
  );
});

Deno.test("a buffer shorter than the trained length is a limit of which a note tells", () => {
  const { shape, notes } = chosen({ budget: 5000 * 1024 });
  assertEquals(summary(shape), [4864, 4, true, 4864]);
  assertMatch(notes[0]!, /limited to 4864 of 8192 trained tokens .* --ctx/);
});

Deno.test("several sequences can share the cells of one context", () => {
  const shared = { kvUnified: "on", sharesOneContext: true } as const;
  const { shape } = chosen(shared);
  assertEquals(summary(shape), [8192, 4, true, 8192]);
  assertMatch(shape.reason, /^One buffer of 8192 tokens for 4 sequences, as requested$/);
  const single = chosen({ kvUnified: "on", parallel: 1 }).shape.reason;
  assertEquals(single, "One buffer of 8192 tokens for one sequence, as requested");
  assertEquals(shapeOf({ ...shared, budget: 5000 * 1024 }), [4864, 4, true, 4864]);
  assertEquals(shapeOf({ ...shared, requested: 1000 }), [1000, 4, true, 1000]);
});

Deno.test("--kv-unified decides between streams and one buffer", () => {
  assertEquals(shapeOf({ kvUnified: "on" }), [8192, 4, true, 4 * 8192]);
  assertEquals(shapeOf({ kvUnified: "on", requested: 1000 }), [1000, 4, true, 1000]);
  assertEquals(shapeOf({ kvUnified: "off", budget: 20_000 * 1024 }), [4864, 4, false, 4 * 4864]);
  assertEquals(shapeOf({ kvUnified: "off", budget: 0 }), [2048, 4, false, 4 * 2048]);
});

Deno.test("--parallel auto is four sequences, fewer if memory is short", () => {
  assertEquals(shapeOf({ parallel: 0 }), [8192, 4, false, 4 * 8192]);
  assertEquals(shapeOf({ parallel: 0, budget: 5000 * 1024 }), [4864, 2, true, 4864]);
  assertEquals(shapeOf({ parallel: 0, budget: 0 }), [2048, 1, false, 2048]);
  // A short trained length needs little memory.
  assertEquals(shapeOf({ parallel: 0, trained: 512, budget: 2048 * 1024 }), [512, 4, false, 2048]);
});

Deno.test("a requested length is kept, and a note says when it exceeds the trained length", () => {
  assertEquals(shapeOf({ requested: 8000 }), [8000, 4, false, 32_000]);
  assertEquals(shapeOf({ requested: 8000, budget: 10_000 * 1024 }), [8000, 4, true, 9984]);
  assertEquals(shapeOf({ requested: 8000, budget: 0 }), [8000, 4, true, 8000]);
  assertEquals(shapeOf({ requested: 100, kvUnified: "off", budget: 0 }), [100, 4, false, 400]);
  assertMatch(chosen({ requested: 9000 }).notes[0]!, /9000 .* 8192/);
});

Deno.test("a request that is longer than a stream gets fewer streams, or one buffer", () => {
  const budget = 20_000 * 1024;
  assertEquals(shapeOf({ kvUnified: "off", budget, atLeast: 6000 }), [6656, 3, false, 19_968]);
  assertEquals(shapeOf({ kvUnified: "off", budget, atLeast: 8192 }), [8192, 2, false, 16_384]);
  assertEquals(shapeOf({ budget, atLeast: 8192 }), [8192, 4, true, 19_968]);
  // The caller compares the bytes with the budget.
  const { shape } = chosen({ budget: 5000 * 1024, atLeast: 6000 });
  assert(shape.length >= 6000 && shape.kvBytes > 5000 * 1024);
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

Deno.test("the KV cache may take most of the memory beside the weights, if a request needs it", () => {
  const model = { isMain: true, modelBytes: 5 * GIB };
  assertEquals(contextBudget({ ...model, available: 9.5 * GIB }), 3 * GIB);
  // Zeros for the first context would delay the load.
  assertEquals(contextBudget({ ...model, available: 61.5 * GIB }), 4 * GIB);
  assertEquals(contextBudget({ ...model, available: 15.5 * GIB, isRequested: true }), 9 * GIB);
  assertEquals(contextBudget({ ...model, available: 4 * GIB }), 0);
  const device = contextBudget({ isMain: false, modelBytes: 5 * GIB, available: 20 * GIB });
  assertEquals(device, 18.75 * GIB);
});

Deno.test("a small file cannot claim a context of gigabytes", () => {
  const memory = { isMain: false, available: 64 * GIB };
  assertEquals(contextBudget({ ...memory, modelBytes: 500_000 }), 2 ** 27);
  assertEquals(contextBudget({ ...memory, modelBytes: 2 ** 26 }), 2 ** 31);
});

const request = {
  shape: { length: 4096, sequences: 4, cells: 4 * 4096 },
  kvType: "f16",
  flashAttention: "auto",
  bytesPerToken: 1024,
  memory: 2 ** 30,
} as const;

Deno.test("a context larger than the memory or than the maximum of cells is refused", () => {
  const sized = (length: number, cells: number) => ({ length, sequences: 4, cells });
  assertEquals(checkContext(request), null);
  const large = sized(2 ** 20, 2 ** 22);
  assertEquals(
    checkContext({ ...request, shape: large })?.message,
    "Cannot create a context of 1048576 tokens for 4 sequences: the f16 KV cache needs 4.0 GiB, the memory has 1.0 GiB",
  );
  assertEquals(checkContext({ ...request, shape: sized(2 ** 20, 2 ** 20) }), null);
  assertEquals(checkContext({ ...request, shape: large, bytesPerToken: null }), null);
  assertMatch(
    checkContext({ ...request, shape: sized(2 ** 30, 2 ** 32), bytesPerToken: null })!.message,
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

const sliding = { window: 512, fullBytesPerToken: 256, batch: 256, mode: "auto" } as const;

Deno.test("layers with a sliding window keep all cells if that allows the same context", () => {
  assertEquals(chosen({}).shape.swaFull, true);
  assertEquals(chosen({ sliding }).shape.swaFull, true);
  const { shape, notes } = chosen({ sliding: { ...sliding, mode: "off" } });
  assertEquals([shape.length, shape.swaFull, notes], [8192, false, []]);
});

Deno.test("layers with a sliding window keep only the window if that allows more context", () => {
  const short = { budget: 4096 * 1024 };
  const auto = chosen({ ...short, sliding });
  assertEquals([auto.shape.length, auto.shape.swaFull], [8192, false]);
  assertMatch(auto.notes[0]!, /sliding window keep 512 tokens .* instead of .* --swa-full on/);
  const on = chosen({ ...short, sliding: { ...sliding, mode: "on" } });
  assertEquals([on.shape.length, on.shape.swaFull], [4096, true]);
  const requested = chosen({ ...short, requested: 8192, sliding });
  assertEquals([requested.shape.length, requested.shape.swaFull], [8192, false]);
});

Deno.test("the KV cache of small windows has a batch more than the window", () => {
  const off = { ...sliding, mode: "off" } as const;
  // 512 + 256 tokens in each of four streams, or 4 x 512 + 256 in one buffer.
  const streams = chosen({ sliding: off, kvUnified: "off" }).shape;
  assertEquals(streams.kvBytes, 4 * 8192 * 256 + 4 * 768 * 768);
  const buffer = chosen({ sliding: off, kvUnified: "on" }).shape;
  assertEquals(buffer.kvBytes, 4 * 8192 * 256 + 2304 * 768);
});

Deno.test("a draft model takes its part of the KV cache", () => {
  const draft = { draftBytesPerToken: 256, budget: 20_000 * 1024 };
  const shared = chosen(draft).shape;
  assertEquals(summary(shared), [8192, 4, true, 15_872]);
  assertEquals(shared.kvBytes, 15_872 * 1280);
  const window = chosen({ ...draft, budget: 4096 * 1280, sliding }).shape;
  assertEquals(window.swaFull, false);
  // The draft model keeps all cells.
  assertEquals(window.kvBytes, window.cells * 512 + 2304 * 768);
});

Deno.test("the share of layers with full attention comes from the metadata or the architecture", () => {
  const model = { slidingWindow: 512 };
  const share = (metadata: Record<string, string>) =>
    slidingLayers(model, metadata, 1200, 256)?.fullBytesPerToken;
  assertEquals(share({ "general.architecture": "gemma3" }), 200);
  assertEquals(share({ "general.architecture": "other" }), 1200);
  const stored = { "general.architecture": "x", "x.attention.sliding_window_pattern": "3" };
  assertEquals(share(stored), 400);
  assertEquals(slidingLayers({ slidingWindow: 0 }, {}, 1200, 256), null);
});

Deno.test("the KV cache has whole steps of cells, and windows no more cells than other layers", () => {
  const separate = chosen({ requested: 257, parallel: 3, kvUnified: "off" }).shape;
  assertEquals([separate.cells, separate.kvBytes], [771, 3 * 512 * 1024]);
  const shared = chosen({ requested: 300, parallel: 3, kvUnified: "on" }).shape;
  assertEquals([shared.cells, shared.kvBytes], [300, 512 * 1024]);
  const off = { ...sliding, mode: "off" } as const;
  const window = chosen({ requested: 512, parallel: 4, kvUnified: "on", sliding: off }).shape;
  assertEquals([window.swaFull, window.kvBytes], [false, 512 * 1024]);
});
