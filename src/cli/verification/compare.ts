import { collectEvents, type Engine } from "../../engine/mod.ts";
import { isMediaToken, type SequenceEvent, type SequenceTrace } from "../../engine/protocol/mod.ts";
import { LLAMA_VERSION } from "../../../ffi/library/version.ts";
import {
  mediaDigests,
  type Receipt,
  type ReceiptMedia,
  tokensDigest,
  type TracedAnswer,
} from "../../receipts/mod.ts";
import { VERSION } from "../../version.ts";

/** The outcome for one answer. */
export type Verdict =
  | {
    readonly result: "identical";
    readonly tokens: number;
    /** The text of the tokens. */
    readonly text: string;
    /** Differences of machine and settings that did not matter. */
    readonly differences: readonly string[];
  }
  | {
    readonly result: "differs";
    /** Index of the first token that differs. */
    readonly at: number;
    readonly expected: Found | null;
    readonly found: Found | null;
  }
  | {
    /** The tokens are identical, but the response has another text. */
    readonly result: "other text";
    /** The text of the response from the first difference on. */
    readonly given: string;
    /** The text of the answer that was computed again, from the same place. */
    readonly computed: string;
  }
  | {
    /** The tokens are identical, but the receipt has another finish reason. */
    readonly result: "other end";
    readonly expected: string;
    readonly found: string;
  }
  | { readonly result: "not comparable"; readonly reasons: readonly string[] };

/** A token, and its log probability at its place in the answer that was computed again. */
export interface Found {
  readonly token: number;
  readonly text: string;
  /** Null if it could not be computed. */
  readonly logprob: number | null;
}

/** SHA-256 of the files of the model that computed again. */
export interface ModelDigests {
  readonly model: readonly string[];
  readonly projector?: string;
}

/** Why a receipt cannot be compared at all; empty if it can. */
export function obstacles({ cache, steered }: Receipt): string[] {
  return [
    ...(cache.session ? ["the answer began with the state of a saved session"] : []),
    ...(steered ? ["the answer was steered or stopped while it was computed"] : []),
  ];
}

/** Compares an answer with one that was computed again. */
export async function compare(
  receipt: Receipt,
  { trace, finishReason, media }: TracedAnswer,
  engine: Engine,
  digests: ModelDigests,
): Promise<Verdict> {
  const differences = environmentDifferences(receipt, trace, engine, digests);
  const others = mediaDifferences(receipt, await mediaDigests(media));
  if (others.length > 0) return { result: "not comparable", reasons: [...others, ...differences] };
  if (await tokensDigest(trace.promptTokens) !== receipt.prompt.sha256) {
    const reason = `the prompt differs: ${receipt.prompt.tokens} tokens in the receipt, ` +
      `${trace.promptTokens.length} now`;
    return { result: "not comparable", reasons: [reason, ...differences] };
  }
  const expected = receipt.answer.tokens;
  const at = firstDifference(expected, trace.tokens);
  const { finish_reason: end } = receipt.answer;
  if (at === null && end !== finishReason) {
    return { result: "other end", expected: end, found: finishReason };
  }
  if (at === null) {
    const text = await engine.detokenize(expected);
    return { result: "identical", tokens: expected.length, text, differences };
  }
  if (differences.length > 0) {
    const reason = `the answer differs at token ${at}`;
    return { result: "not comparable", reasons: [reason, ...differences] };
  }
  const found = (token: number | undefined) => foundAt(engine, trace, at, token);
  return {
    result: "differs",
    at,
    expected: await found(expected[at]),
    found: await found(trace.tokens[at]),
  };
}

/** Images and sounds that are not those of the receipt. */
function mediaDifferences(
  { media: then = [] }: Receipt,
  now: readonly ReceiptMedia[],
): string[] {
  if (then.length !== now.length) {
    return [`images and sounds: ${then.length} in the receipt, ${now.length} now`];
  }
  const named = ({ type, sha256 }: ReceiptMedia) => `${type} ${sha256}`;
  return then.flatMap((one, at) =>
    named(one) === named(now[at]!)
      ? []
      : [`file ${at + 1}: ${named(one)} in the receipt, ${named(now[at]!)} now`]
  );
}

/** Differences of the machine, the versions and the settings, each as a part of a sentence. */
function environmentDifferences(
  receipt: Receipt,
  { adapters }: SequenceTrace,
  { info }: Engine,
  digests: ModelDigests,
): string[] {
  const { backend, context } = receipt;
  const { settings } = info;
  const devices = info.devices.map(({ name, backend }) => `${name} (${backend})`);
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ["the model's files", receipt.model.sha256, digests.model],
    // A projector changes only answers about images and sounds.
    ...(receipt.media === undefined
      ? []
      : [["the projector", receipt.model.projector, digests.projector] as const]),
    [
      "adapters",
      receipt.adapters.map(({ sha256, scale }) => [sha256, scale]),
      adapters.map(
        ({ digest, scale }) => [digest, scale],
      ),
    ],
    ["Shimmy", receipt.shimmy, VERSION],
    ["libllama", receipt.libllama, LLAMA_VERSION],
    ["the platform", receipt.platform, `${Deno.build.os}-${Deno.build.arch}`],
    ["devices", backend.devices, devices],
    ["offloaded layers", backend.offloaded_layers, info.offloadedLayers],
    ["threads", backend.threads, info.threads],
    ["the context length", context.length, info.shape?.length ?? info.contextLength],
    ["the batch size", context.batch_size, info.batchSize],
    ["the type of the KV cache", context.kv_type, settings.kvType],
    ["flash attention", context.flash_attention, settings.flashAttention],
    ["a unified KV cache", context.kv_unified, info.shape?.unified ?? false],
    ["the cells of sliding windows", context.swa_full, settings.swaFull],
    ["context shift", context.context_shift, settings.contextShift],
  ];
  return pairs.filter(([, then, now]) => JSON.stringify(then) !== JSON.stringify(now))
    .map(([what, then, now]) => `${what}: ${shown(then)} in the receipt, ${shown(now)} now`);
}

function shown(value: unknown): string {
  return Array.isArray(value) ? value.flat().join(", ") || "none" : String(value);
}

function firstDifference(a: readonly number[], b: readonly number[]): number | null {
  const length = Math.max(a.length, b.length);
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return index;
  return null;
}

/** A token at a place of the answer; null if the answer has ended there. */
async function foundAt(
  engine: Engine,
  trace: SequenceTrace,
  at: number,
  token: number | undefined,
): Promise<Found | null> {
  if (token === undefined) return null;
  const text = await engine.detokenize([token]);
  const tokens = [...trace.promptTokens, ...trace.tokens.slice(0, at), token];
  // The names of the adapters that the request chose are not known here.
  const canScore = trace.adapters.length === 0 && tokens.length < engine.info.contextLength &&
    !tokens.some(isMediaToken);
  return { token, text, logprob: canScore ? await lastLogprob(engine, tokens) : null };
}

/** Log probability of the last of some tokens. */
async function lastLogprob(engine: Engine, tokens: readonly number[]): Promise<number | null> {
  let logprob: number | null = null;
  const request = {
    prompt: [{ tokens }],
    maxTokens: 0,
    sampling: { temperature: 0 },
    stop: [],
    promptLogprobs: 0,
  };
  await collectEvents<SequenceEvent>((sink) => void engine.generate(request, sink), (event) => {
    if (event.type === "prompt") logprob = event.logprobs.at(-1)?.logprob ?? logprob;
  });
  return logprob;
}
