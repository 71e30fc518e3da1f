import {
  address,
  Batch,
  Candidates,
  type Context,
  type Library,
  listDevices,
  type Model,
  NativeError,
  releaseUnusedCells,
  type Vocab,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { DraftModel } from "../speculation/mod.ts";
import {
  checkContext,
  chooseContextSize,
  configureContext,
  DRAFT_NOT_USED,
  fingerprint,
  isOnCpu,
  kvBytesPerToken,
  type LoadResources,
  maxOutputs,
  openDraft,
  ropeStretch,
  SAVED_STATE_BYTES,
  slidingLayers,
  stretchRope,
} from "../model/mod.ts";
import type { LoadOptions } from "../protocol/mod.ts";
import { recommendedSampling } from "../sampling/mod.ts";
import type { GenerationContext } from "../scheduler/mod.ts";
import { availableMemory } from "../native/mod.ts";
import { SessionStore } from "../kv_cache/mod.ts";

/**
 * Creates the generation context of a model. Null if the model turns out to have no KV cache,
 * although its file does not say so.
 */
export function createGeneration(resources: LoadResources): GenerationContext | null {
  const { library, model, options, stack, tokenizer, adapters } = resources;
  const { context, swaFull } = createContext(resources);
  if (!context.hasMemory) {
    context.close();
    return null;
  }
  stack.use(context);
  context.attachThreadPool(resources.pool);
  warmUp(model, context);
  if (isOnCpu(options)) releaseUnusedCells(library, context, model.layers);
  // A context that keeps every cell of a sliding window can be truncated at any token.
  const canTruncate = !model.isRecurrent && swaFull;
  const sequenceLength = options.contextLength > 0
    ? Math.min(options.contextLength, context.sequenceLength)
    : context.sequenceLength;
  return {
    context,
    adapters,
    sequenceLength,
    parallel: options.parallel,
    maxOutputs: maxOutputs(options, model.vocab.size),
    kvUnified: options.kvUnified,
    canTruncate,
    window: model.isRecurrent || swaFull ? 0 : model.slidingWindow,
    isOnCpu: isOnCpu(options),
    sessions: options.sessionFolder === undefined
      ? null
      : new SessionStore(options.sessionFolder, fingerprint(library, model, options)),
    draft: loadDraft(resources, context.sequenceLength, canTruncate),
    lookup: canTruncate && options.lookup,
    contextShift: options.contextShift && canShift(context, canTruncate, resources.notes),
    savedBytes: SAVED_STATE_BYTES,
    sampling: {
      library,
      vocab: model.vocab,
      sequenceLength,
      recommended: recommendedSampling(model.metadata()),
      native: { ms: 0 },
      tokenText: {
        textOf: (token) => tokenizer.piece(token, true).text ?? "",
        tokensOf: (text) => [...model.vocab.tokenize(text, false, true)],
      },
      candidates: new Candidates(model.vocab.size),
      endOfGeneration: endOfGeneration(model.vocab),
    },
  };
}

function createContext({ library, model, options, flags, threads, abort, notes }: LoadResources) {
  const metadata = model.metadata();
  const bytesPerToken = kvBytesPerToken(model, metadata, options.kvType);
  const plan = chooseContextSize({
    sliding: slidingLayers(model, metadata, bytesPerToken, options.swaFull),
    requested: options.contextLength,
    trained: model.trainedContext,
    sequences: options.kvUnified ? 1 : options.parallel,
    bytesPerToken,
    modelBytes: model.size,
    available: freeMemory(library, options),
  });
  notes.push(...plan.notes);
  const keepsAll = !model.isRecurrent && model.slidingWindow === 0 &&
    metadata[`${metadata["general.architecture"]}.attention.kv_lora_rank`] === undefined;
  const problem = checkContext({
    ...options,
    length: plan.length,
    bytesPerToken: keepsAll ? bytesPerToken : null,
    memory: totalMemory(library),
  });
  if (problem !== null) throw problem;
  const { trainedContext, ropeType } = model;
  const stretch = ropeStretch(plan.length, { trainedContext, ropeType, metadata });
  if (stretch !== null) {
    notes.push(`RoPE is scaled by YaRN with factor ${Number(stretch.toFixed(2))}`);
  }
  try {
    const context = model.createContext((parameters) => {
      const { length, swaFull } = plan;
      configureContext(parameters, options, length, threads, model.vocab.size, swaFull);
      if (stretch !== null) stretchRope(parameters, stretch, trainedContext);
      if (abort !== null) {
        parameters.abort_callback = abort.address;
        parameters.abort_callback_data = address(flags.abortBytes);
      }
    }, flags);
    return { context, swaFull: plan.swaFull };
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    throw new ShimmyError(
      "backend",
      `Cannot create a context of ${plan.length} tokens for ${options.parallel} sequences with a ` +
        `${options.kvType} KV cache: not enough memory, or not supported by the model`,
      { cause: error },
    );
  }
}

function canShift(context: Context, canTruncate: boolean, notes: string[]): boolean {
  if (canTruncate && context.canShift) return true;
  notes.push("The model does not support context shift: answers end when the context is full");
  return false;
}

/** Opens the draft model; null without one. */
function loadDraft(
  resources: LoadResources,
  length: number,
  canTruncate: boolean,
): DraftModel | null {
  const { library, model, options, flags, gate, threads, pool, notes, stack } = resources;
  if (options.draftPaths === undefined) return null;
  // Rejected drafted tokens must be removed from the KV cache.
  if (!canTruncate) {
    notes.push("The draft model is skipped: the model cannot remove tokens from its KV cache");
    return null;
  }
  const observer = {
    gate,
    onProgress: () => {},
    isCancelled: () => flags.isLoadingCancelled,
  };
  const draftOptions = { paths: options.draftPaths, model, options, length, threads };
  const context = openDraft(library, draftOptions, observer, stack);
  if (context === null) {
    notes.push(DRAFT_NOT_USED);
    return null;
  }
  context.attachThreadPool(pool);
  return new DraftModel(context);
}

/** Total memory of the host and the GPUs in bytes. */
function totalMemory(library: Library): number {
  const devices = listDevices(library).filter(({ kind }) => kind === "gpu");
  return devices.reduce((sum, device) => sum + device.memoryTotal, Deno.systemMemoryInfo().total);
}

/** Free memory in bytes on the devices that will hold the KV cache. */
function freeMemory(library: Library, options: LoadOptions): number {
  if (isOnCpu(options)) return availableMemory();
  const gpus = listDevices(library).filter(({ kind, name }) =>
    kind !== "cpu" && (options.devices?.includes(name) ?? true)
  );
  const free = gpus.reduce((sum, device) => sum + device.memoryFree, 0);
  return gpus.length === 0 ? availableMemory() : free;
}

/**
 * Computes one token, so that the first request does not pay for lazy initialization. Its cell keeps
 * its data, which no sequence reads; a recurrent state is cleared.
 */
function warmUp(model: Model, context: Context): void {
  const batch = new Batch(1);
  batch.add(model.vocab.bos ?? model.vocab.eos ?? 0, 0, 0, true);
  context.decode(batch);
  context.synchronize();
  context.clear(model.isRecurrent);
}

/** End-of-generation tokens. */
function endOfGeneration(vocab: Vocab): number[] {
  const tokens: number[] = [];
  for (let token = 0; token < vocab.size; token++) {
    if (vocab.isEndOfGeneration(token)) tokens.push(token);
  }
  return tokens;
}
