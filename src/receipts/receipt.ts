import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { importPublicKey, type SigningKey } from "../access/mod.ts";
import type { BatchShapes, ContextSettings, Sampling } from "../engine/protocol/mod.ts";
import { canonicalJson } from "./canonical.ts";
import type { ReceiptMedia } from "./media.ts";

/** What a receipt says about an answer. `docs/receipts.md` describes every field. */
export interface ReceiptClaims {
  readonly version: 1;
  readonly id: string;
  /** ISO 8601. */
  readonly created: string;
  readonly route: string;
  /** SHA-256 of the request; see `requestDigest`. */
  readonly request_sha256: string;
  readonly shimmy: string;
  readonly libllama: string;
  readonly platform: string;
  readonly model: {
    readonly name: string;
    /** SHA-256 of each file, in order. */
    readonly sha256: readonly string[];
    /** SHA-256 of the projector, of an answer about images or sounds. */
    readonly projector?: string;
  };
  readonly adapters: readonly {
    readonly sha256: string;
    readonly scale: number;
    readonly layers: readonly [number, number] | null;
  }[];
  readonly backend: {
    readonly devices: readonly string[];
    readonly offloaded_layers: number;
    readonly threads: number;
  };
  readonly context: {
    readonly length: number;
    readonly parallel: number;
    readonly batch_size: number;
    readonly kv_type: ContextSettings["kvType"];
    readonly flash_attention: ContextSettings["flashAttention"];
    readonly kv_unified: boolean;
    readonly swa_full: boolean;
    readonly context_shift: boolean;
    readonly lookup: boolean;
    readonly draft: boolean;
  };
  readonly cache: {
    /** Whether the request allowed to reuse cached prompt tokens. */
    readonly enabled: boolean;
    readonly cached_tokens: number;
    /** The answer begins with the state of a named session. */
    readonly session: boolean;
  };
  readonly batches: {
    readonly prefill_rows: BatchShapes["prefillRows"];
    readonly decode_rows: BatchShapes["decodeRows"];
    readonly sequences: BatchShapes["sequences"];
  };
  readonly sampling: SamplingJson;
  readonly reasoning_sampling?: SamplingJson;
  /** The sampling was changed, or the answer was ended, by a control during the answer. */
  readonly steered: boolean;
  readonly prompt: { readonly tokens: number; readonly sha256: string };
  /** The images and sounds of the prompt, in their order; absent without any. */
  readonly media?: readonly ReceiptMedia[];
  readonly answer: { readonly tokens: readonly number[]; readonly finish_reason: string };
}

/** Claims with their signature. */
export interface Receipt extends ReceiptClaims {
  readonly key: { readonly id: string; readonly public_key: string };
  /** Ed25519 over {@linkcode signedText}, in base64url. */
  readonly signature: string;
}

/** Sampling in the spelling of the HTTP API. Infinite biases are `null`, because JSON has none. */
export type SamplingJson = Readonly<Record<string, unknown>>;

/** The text that is signed: another prefix than that of keys, so that neither can pass for the other. */
function signedText(
  { signature: _, ...rest }: Omit<Receipt, "signature"> & { signature?: string },
) {
  return new TextEncoder().encode(`shimmy-receipt\n${canonicalJson(rest)}`);
}

/** Signs a receipt. */
export async function signReceipt(claims: ReceiptClaims, key: SigningKey): Promise<Receipt> {
  const unsigned = { ...claims, key: { id: key.id, public_key: key.publicText } };
  const signature = await crypto.subtle.sign("Ed25519", key.privateKey, signedText(unsigned));
  return { ...unsigned, signature: encodeBase64Url(signature) };
}

/**
 * Whether the signature of a receipt is that of a public key.
 *
 * @param publicKey 32 bytes in base64url; by default the one that the receipt names.
 */
export async function isSignatureValid(
  receipt: Receipt,
  publicKey: string = receipt.key.public_key,
): Promise<boolean> {
  try {
    const key = await importPublicKey(publicKey);
    const signature = decodeBase64Url(receipt.signature);
    return await crypto.subtle.verify("Ed25519", key, signature, signedText(receipt));
  } catch {
    return false;
  }
}

/** Whether a value has the form of a receipt that this version reads. */
export function isReceipt(value: unknown): value is Receipt {
  if (typeof value !== "object" || value === null) return false;
  const { version, signature, key, answer, prompt, model, sampling, context } = value as Record<
    string,
    { tokens?: unknown; sha256?: unknown; public_key?: unknown } | undefined
  >;
  return version as unknown === 1 && typeof signature === "string" &&
    typeof key?.public_key === "string" && Array.isArray(answer?.tokens) &&
    typeof prompt?.sha256 === "string" && Array.isArray(model?.sha256) &&
    typeof sampling === "object" && typeof context === "object";
}

/** Sampling for a receipt. */
export function toSamplingJson({ logitBias, ...sampling }: Sampling): SamplingJson {
  const entries = Object.entries(sampling).map(([key, value]) => [snakeCase(key), value]);
  return {
    ...Object.fromEntries(entries),
    logit_bias: logitBias.map(({ token, bias }) => [token, Number.isFinite(bias) ? bias : null]),
  };
}

/** The sampling of a receipt. */
export function fromSamplingJson({ logit_bias: biases, ...json }: SamplingJson): Sampling {
  const entries = Object.entries(json).map(([key, value]) => [camelCase(key), value]);
  return {
    ...Object.fromEntries(entries),
    logitBias: (biases as [number, number | null][]).map(([token, bias]) => ({
      token,
      bias: bias ?? -Infinity,
    })),
  } as Sampling;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
