import * as z from "zod";
import { KV_TYPES } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { Receipt } from "../../receipts/mod.ts";
import { answerPaths } from "../../server/mod.ts";
import { integerBetween, plainMessage, samplingFields } from "../../server/schemas/mod.ts";

const LARGEST_INTEGER = 2 ** 31 - 1;
const MOST_THREADS = 1024;
const MOST_PARALLEL = 1024;
const MOST_BATCH = 65_536;

const token = integerBetween(0, LARGEST_INTEGER);
const count = integerBetween(0, LARGEST_INTEGER);
const digest = z.string();

const { logit_bias: _, ...numbers } = samplingFields;
/** A complete sampling has no `null`, which means absent in requests. */
const sampling = z.looseObject({
  ...numbers,
  logit_bias: z.array(z.tuple([token, z.number().nullable()])),
}).refine((fields) => Object.values(fields).every((value) => value !== null), {
  error: "must have no null",
});

/** The fields of a receipt that a verification uses, within the bounds of options and requests. */
const receiptSchema = z.looseObject({
  route: z.string().refine((route) => answerPaths.includes(route), {
    error: "must be a route with answers",
  }),
  model: z.looseObject({ name: z.string(), sha256: z.array(digest), projector: digest.optional() }),
  adapters: z.array(z.looseObject({
    sha256: digest,
    scale: z.number(),
    layers: z.tuple([count, count]).nullable(),
  })),
  backend: z.looseObject({
    devices: z.array(z.string()),
    offloaded_layers: count,
    threads: integerBetween(1, MOST_THREADS),
  }),
  context: z.looseObject({
    length: integerBetween(1, LARGEST_INTEGER),
    parallel: integerBetween(1, MOST_PARALLEL),
    batch_size: integerBetween(1, MOST_BATCH),
    kv_type: z.enum(KV_TYPES),
    flash_attention: z.enum(["auto", "on", "off"]),
    kv_unified: z.boolean(),
    swa_full: z.boolean(),
    context_shift: z.boolean(),
    lookup: z.boolean(),
    draft: z.boolean(),
  }),
  cache: z.looseObject({ enabled: z.boolean(), cached_tokens: count, session: z.boolean() }),
  sampling,
  reasoning_sampling: sampling.optional(),
  steered: z.boolean(),
  prompt: z.looseObject({ tokens: count, sha256: digest }),
  media: z.array(z.looseObject({ type: z.enum(["image", "audio"]), sha256: digest })).optional(),
  answer: z.looseObject({ tokens: z.array(token), finish_reason: z.string() }),
});

/**
 * Checks a receipt before its answer is computed again. Anybody can sign a receipt with a key of their own, so
 * its values are those of a stranger.
 *
 * @throws {ShimmyError} `invalid` with the field.
 */
export function checkReceipt(receipt: Receipt): void {
  const { error } = receiptSchema.safeParse(receipt, { error: plainMessage });
  if (error === undefined) return;
  const { path, message } = error.issues[0]!;
  const field = path.join(".") || "receipt";
  throw new ShimmyError("invalid", `Cannot verify: ${field} of the receipt: ${message}`);
}
