import { ensureSigningKey, randomId, type SigningKey } from "../access/mod.ts";
import type {
  FileState,
  FinishReason,
  MediaInput,
  ModelInfo,
  SequenceTrace,
} from "../engine/protocol/mod.ts";
import { ShimmyError } from "../errors.ts";
import { requestDigest, tokensDigest } from "./canonical.ts";
import type { FileDigests } from "./digests.ts";
import { mediaDigests } from "./media.ts";
import { type Receipt, signReceipt, toSamplingJson } from "./receipt.ts";

/** An answer, as a receipt needs it. */
export interface AnsweredRequest {
  readonly route: string;
  /** The JSON body of the request. */
  readonly body: unknown;
  readonly model: {
    readonly name: string;
    readonly paths: readonly string[];
    /** File of its projector, if it has one. */
    readonly projector?: string;
  };
  /** The images and sounds of the prompt. */
  readonly media: readonly MediaInput[];
  readonly info: ModelInfo;
  readonly trace: SequenceTrace;
  readonly cachedTokens: number;
  readonly isCacheEnabled: boolean;
  readonly hasSession: boolean;
  /** The sequence was ended by a control. */
  readonly isStopped: boolean;
  readonly finishReason: FinishReason;
}

/** Makes the receipts of a server. */
export interface ReceiptIssuer {
  /** Begins to compute the digests of a model, which takes long for a large one. */
  prepare(paths: readonly string[]): void;
  /** @throws {ShimmyError} `backend` if the model's files cannot be read or the key cannot be used. */
  issue(answer: AnsweredRequest): Promise<Receipt>;
  /** The public key; the signing key is made on first use. */
  publicKey(): Promise<Pick<SigningKey, "id" | "publicText">>;
}

/**
 * An issuer that signs with the key of a folder.
 */
export function createIssuer(
  { folder, digests, versions }: {
    readonly folder: string;
    readonly digests: FileDigests;
    readonly versions: { readonly shimmy: string; readonly libllama: string };
  },
): ReceiptIssuer {
  let key: Promise<SigningKey> | null = null;
  const signingKey = () => {
    key ??= ensureSigningKey(folder).catch((error) => {
      key = null;
      throw error;
    });
    return key;
  };
  return {
    prepare: (paths) => void Promise.all(paths.map((path) => digests.of(path))).catch(() => {}),
    async issue(answer) {
      const { trace, info, model } = answer;
      const sha256 = await Promise.all(model.paths.map((path) => digests.of(path)));
      const projector = await projectorOf(answer, digests);
      for (const [index, file] of (info.files ?? []).entries()) {
        await checkUnchanged(model.paths[index], file);
      }
      if (projector.projector !== undefined) {
        await checkUnchanged(model.projector, info.projectorFile);
      }
      const { sampling, reasoningSampling, batches } = trace;
      return await signReceipt({
        version: 1,
        id: randomId(),
        created: new Date().toISOString(),
        route: answer.route,
        request_sha256: await requestDigest(answer.body),
        ...versions,
        platform: `${Deno.build.os}-${Deno.build.arch}`,
        model: { name: model.name, sha256, ...projector },
        adapters: trace.adapters.map(({ digest, scale, layers }) => ({
          sha256: digest,
          scale,
          layers,
        })),
        ...environmentOf(info),
        cache: {
          enabled: answer.isCacheEnabled,
          cached_tokens: answer.cachedTokens,
          session: answer.hasSession,
        },
        batches: {
          prefill_rows: batches.prefillRows,
          decode_rows: batches.decodeRows,
          sequences: batches.sequences,
        },
        sampling: toSamplingJson(sampling),
        ...(reasoningSampling === undefined
          ? {}
          : { reasoning_sampling: toSamplingJson(reasoningSampling) }),
        steered: trace.isSteered || answer.isStopped,
        prompt: {
          tokens: trace.promptTokens.length,
          sha256: await tokensDigest(trace.promptTokens),
        },
        ...(answer.media.length === 0 ? {} : { media: await mediaDigests(answer.media) }),
        answer: { tokens: trace.tokens, finish_reason: answer.finishReason },
      }, await signingKey());
    },
    async publicKey() {
      return await signingKey();
    },
  };
}

/** The digest of the projector that read the images and sounds of an answer. */
async function projectorOf(
  { media, model: { projector } }: AnsweredRequest,
  digests: FileDigests,
): Promise<{ readonly projector?: string }> {
  if (media.length === 0 || projector === undefined) return {};
  return { projector: await digests.of(projector) };
}

/**
 * Checks that a file of a model is the one that it was loaded from: the digest of another file would be no
 * statement about the answer.
 *
 * @param loaded the file at the load; a file of which nothing is known is not checked
 * @throws {ShimmyError} `backend` if it was replaced or changed.
 */
async function checkUnchanged(
  path: string | undefined,
  loaded: FileState | undefined,
): Promise<void> {
  if (path === undefined || loaded === undefined) return;
  const now = await Deno.stat(path).catch(() => null);
  if (now?.size === loaded.size && (now.mtime?.getTime() ?? 0) === loaded.modified) return;
  const message = "A file of the model has changed since it was loaded; unload the model";
  throw new ShimmyError("backend", message, { detail: path });
}

function environmentOf(info: ModelInfo): Pick<Receipt, "backend" | "context"> {
  const { settings } = info;
  return {
    backend: {
      devices: info.devices.map(({ name, backend }) => `${name} (${backend})`),
      offloaded_layers: info.offloadedLayers,
      threads: info.threads,
    },
    context: {
      length: info.shape?.length ?? info.contextLength,
      parallel: info.parallel,
      batch_size: info.batchSize,
      kv_type: settings.kvType,
      flash_attention: settings.flashAttention,
      kv_unified: info.shape?.unified ?? false,
      swa_full: settings.swaFull,
      context_shift: settings.contextShift,
      lookup: settings.lookup,
      draft: settings.draft,
    },
  };
}
