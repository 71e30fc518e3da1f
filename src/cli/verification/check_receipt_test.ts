import { assertThrows } from "@std/assert";
import { DEFAULT_SAMPLING } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { Receipt } from "../../receipts/mod.ts";
import { toSamplingJson } from "../../receipts/receipt.ts";
import { checkReceipt } from "./check_receipt.ts";

const RECEIPT: Receipt = {
  version: 1,
  id: "0123456789abcdef",
  created: "2026-01-01T00:00:00.000Z",
  route: "/v1/chat/completions",
  request_sha256: "00",
  shimmy: "1",
  libllama: "1",
  platform: "x",
  model: { name: "m", sha256: ["00"] },
  adapters: [{ sha256: "00", scale: 1, layers: null }],
  backend: { devices: ["CPU"], offloaded_layers: 0, threads: 1 },
  context: {
    length: 1024,
    parallel: 4,
    batch_size: 512,
    kv_type: "f16",
    flash_attention: "auto",
    kv_unified: false,
    swa_full: true,
    context_shift: false,
    lookup: false,
    draft: false,
  },
  cache: { enabled: true, cached_tokens: 0, session: false },
  batches: { prefill_rows: [1, 1], decode_rows: [1, 1], sequences: [1, 1] },
  sampling: toSamplingJson({
    ...DEFAULT_SAMPLING,
    seed: 3,
    logitBias: [{ token: 1, bias: -Infinity }],
  }),
  steered: false,
  prompt: { tokens: 1, sha256: "00" },
  answer: { tokens: [1, 2], finish_reason: "stop" },
  key: { id: "x", public_key: "x" },
  signature: "x",
};

Deno.test("a receipt of this version passes, also for a WebSocket and with more fields", () => {
  checkReceipt(RECEIPT);
  checkReceipt({ ...RECEIPT, route: "/ws/generate", reasoning_sampling: RECEIPT.sampling });
  checkReceipt({ ...RECEIPT, more: 1 } as Receipt);
});

/** Changes that no server makes, and the field that the error names. */
const REFUSED: readonly (readonly [field: string, change: Record<string, unknown>])[] = [
  ["route", { route: "/api/lora" }],
  ["route", { route: "/slots/0?action=save" }],
  ["route", { route: "/v1/../api/pull" }],
  ["model.name", { model: { name: 1, sha256: [] } }],
  ["adapters.0.scale", { adapters: [{ ...RECEIPT.adapters[0], scale: "1" }] }],
  ["backend.devices", { backend: { ...RECEIPT.backend, devices: "CPU" } }],
  ["backend.threads", { backend: { ...RECEIPT.backend, threads: 1e9 } }],
  ["context.length", { context: { ...RECEIPT.context, length: 2 ** 40 } }],
  ["context.parallel", { context: { ...RECEIPT.context, parallel: 1e6 } }],
  ["context.batch_size", { context: { ...RECEIPT.context, batch_size: -1 } }],
  ["context.kv_type", { context: { ...RECEIPT.context, kv_type: "f17" } }],
  ["context.flash_attention", { context: { ...RECEIPT.context, flash_attention: 1 } }],
  ["sampling.temperature", { sampling: { ...RECEIPT.sampling, temperature: "hot" } }],
  ["sampling.top_k", { sampling: { ...RECEIPT.sampling, top_k: 2 ** 31 } }],
  ["sampling.repeat_last_n", { sampling: { ...RECEIPT.sampling, repeat_last_n: 2 ** 40 } }],
  ["sampling.samplers", { sampling: { ...RECEIPT.sampling, samplers: ["none"] } }],
  ["sampling.logit_bias", { sampling: { ...RECEIPT.sampling, logit_bias: undefined } }],
  ["sampling", { sampling: { ...RECEIPT.sampling, min_p: null } }],
  ["reasoning_sampling", { reasoning_sampling: 1 }],
  ["answer.tokens.1", { answer: { ...RECEIPT.answer, tokens: [1, 2 ** 40] } }],
  ["answer.finish_reason", { answer: { ...RECEIPT.answer, finish_reason: 1 } }],
  ["steered", { steered: "no" }],
];

Deno.test("values that no server writes are refused by name before anything is computed", () => {
  for (const [field, change] of REFUSED) {
    const receipt = { ...RECEIPT, ...change } as Receipt;
    assertThrows(() => checkReceipt(receipt), ShimmyError, `${field} of the receipt: must`);
  }
});
