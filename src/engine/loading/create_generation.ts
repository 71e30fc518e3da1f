import {
  Candidates,
  type Context,
  cpuFeatures,
  LLAMA_ROPE_TYPE,
  type Vocab,
} from "../../../ffi/mod.ts";
import { DraftModel } from "../speculation/mod.ts";
import {
  CPU_MICRO_BATCH,
  fingerprint,
  isOnCpu,
  type LoadResources,
  maxOutputs,
  memoryKind,
  openDraft,
  type OpenedDraft,
  portableFingerprint,
  SAVED_STATE_BYTES,
  windowNotes,
} from "../model/mod.ts";
import { type PromptRows, promptRowsOnCpu, ROW_GROUP } from "../native/mod.ts";
import type { ContextShape } from "../protocol/mod.ts";
import { recommendedSampling, type SamplerModel } from "../sampling/mod.ts";
import type { GenerationContext } from "../scheduler/mod.ts";
import { DiskCache, type DiskCacheTarget, SessionStore } from "../disk_cache/mod.ts";
import type { StateParts } from "../kv_cache/mod.ts";
import { SharedStates, type SharedTarget } from "../shared_states/mod.ts";
import { ContextFactory } from "./context_factory.ts";

/** Kinds of RoPE with several dimensions. */
const SHARING_TYPES: readonly number[] = [LLAMA_ROPE_TYPE.MROPE, LLAMA_ROPE_TYPE.IMROPE];

/**
 * Creates the generation context of a model. Null if the model turns out to have no KV cache,
 * although its file does not say so.
 */
export function createGeneration(resources: LoadResources): GenerationContext | null {
  const { notes } = resources;
  // Before the context, which gets the memory beside the weights of both.
  const draft = openDraftModel(resources);
  const factory = new ContextFactory(resources, draft);
  const chosen = factory.choose();
  notes.push(...chosen.notes);
  const context = factory.create(chosen.shape);
  if (!context.hasMemory) {
    context.close();
    return null;
  }
  const contexts = new OpenContexts();
  contexts.main = context;
  try {
    return new Generations(resources, factory, contexts, draft).first(chosen.shape);
  } finally {
    // After the weights of the draft model, so that its context is closed before them.
    resources.stack.use(contexts);
  }
}

/** The contexts of a loaded model, which are replaced together. */
class OpenContexts implements Disposable {
  main: Context | null = null;
  draft: Context | null = null;

  [Symbol.dispose](): void {
    this.draft?.close();
    this.main?.close();
    this.draft = null;
    this.main = null;
  }
}

/** Describes the generation context of a model, and replaces it. */
class Generations {
  readonly #resources: LoadResources;
  readonly #factory: ContextFactory;
  readonly #contexts: OpenContexts;
  readonly #sampling: SamplerModel;
  /** Null without a prefix cache on disk. */
  #diskCache: DiskCache | null = null;
  /** Null without prefixes that servers share. */
  #sharedStates: SharedStates | null = null;
  /** Null without a draft model. */
  readonly #draft: OpenedDraft | null;

  constructor(
    resources: LoadResources,
    factory: ContextFactory,
    contexts: OpenContexts,
    draft: OpenedDraft | null,
  ) {
    this.#resources = resources;
    this.#factory = factory;
    this.#contexts = contexts;
    this.#sampling = samplerModel(resources);
    this.#draft = draft;
  }

  /** The first generation context of the model. */
  first(shape: ContextShape): GenerationContext {
    const { model, options, notes } = this.#resources;
    const generation = this.#describe(shape);
    if (options.contextShift && !generation.contextShift) {
      notes.push("The model does not support context shift: answers end when the context is full");
    }
    notes.push(...windowNotes(model.slidingWindow > 0, options.swaFull));
    return generation;
  }

  /** A context that keeps every cell of a sliding window can be truncated at any token. */
  #canTruncate({ swaFull }: ContextShape): boolean {
    return !this.#resources.model.isRecurrent && swaFull;
  }

  /** What the states of a context depend on. */
  #identity(shape: ContextShape, fingerprintOf = fingerprint): string {
    const { library, model, options } = this.#resources;
    return fingerprintOf(library, model, options, {
      swaFull: shape.swaFull,
      ropeStretch: this.#factory.ropeStretch(shape),
      ropeFactors: this.#factory.ropeFactors(shape),
      streams: this.#stateParts !== null ? null : shape.unified ? 1 : shape.sequences,
    });
  }

  /** Files of another context cannot be restored: the cache is used with those of this one. */
  #useDiskCache(target: DiskCacheTarget): DiskCache | null {
    const { options, rowNames: names } = this.#resources;
    const { diskCache, modelPaths } = options;
    if (diskCache === undefined) return null;
    const { folder, modelBytes, totalBytes } = diskCache;
    const limits = { model: modelBytes, total: totalBytes };
    const model = modelPaths.join("\0");
    this.#diskCache ??= new DiskCache({ folder, limits, model, names });
    this.#diskCache.use(target);
    return this.#diskCache;
  }

  #useSharedStates(target: SharedTarget): SharedStates | null {
    const { options, rowNames: names, stack } = this.#resources;
    const { sharedCache: location, modelPaths } = options;
    if (location === undefined) return null;
    this.#sharedStates ??= stack.use(new SharedStates({ location, modelPaths, names }));
    this.#sharedStates.use(target);
    return this.#sharedStates;
  }

  #describe(shape: ContextShape): GenerationContext {
    const { model, options, adapters } = this.#resources;
    const identity = this.#identity(shape);
    const window = model.isRecurrent ? 0 : model.slidingWindow;
    const sequenceLength = Math.min(shape.length, this.#contexts.main!.sequenceLength);
    const context = this.#contexts.main!;
    const canTruncate = this.#canTruncate(shape);
    // A state holds the last window only.
    const truncatesStates = canTruncate && window === 0;
    return {
      context,
      adapters,
      shape,
      sequenceLength,
      longestLength: Math.max(sequenceLength, this.#factory.longest(shape)),
      maxLength: Math.max(this.#sampling.sequenceLength, shape.length),
      parallel: shape.sequences,
      maxOutputs: maxOutputs({ ...options, parallel: shape.sequences }, model.vocab.size),
      kvUnified: shape.unified,
      canTruncate,
      window,
      isRecurrent: model.isRecurrent,
      memoryKind: memoryKind(model, shape),
      stateParts: this.#stateParts,
      isOnCpu: isOnCpu(options),
      sharesPositions: SHARING_TYPES.includes(model.ropeType),
      // libllama computes them in one micro batch, or ends the process.
      wholeRows: isOnCpu(options)
        ? Math.min(context.batchSize, CPU_MICRO_BATCH)
        : context.batchSize,
      promptRows: this.#promptRows(context.batchSize),
      sessions: options.sessionFolder === undefined
        ? null
        : new SessionStore(options.sessionFolder, identity, undefined, this.#resources.rowNames),
      diskCache: this.#useDiskCache({
        ...{ fingerprint: identity, sequenceLength, canTruncate: truncatesStates },
      }),
      sharedStates: this.#useSharedStates({
        ...{ sequenceLength, canTruncate: truncatesStates },
        // The cells of a sequence, a recurrent state, and checkpoints, each with what libllama adds.
        mostBytes: 2 * (shape.kvBytes + SAVED_STATE_BYTES),
        identity: this.#identity(shape, portableFingerprint),
      }),
      draft: this.#draftModel(shape),
      lookup: options.lookup,
      contextShift: options.contextShift && canTruncate && context.canShift,
      savedBytes: SAVED_STATE_BYTES,
      sampling: this.#sampling,
      larger: (length, cellsUsed) => {
        const next = this.#factory.larger(length, shape, cellsUsed);
        return next && { ...next, keepsStates: this.#identity(next.shape) === identity };
      },
      replace: (next) => this.#replace(next),
    };
  }

  #promptRows(batchSize: number): PromptRows {
    const { library, options } = this.#resources;
    return isOnCpu(options)
      ? promptRowsOnCpu(cpuFeatures(library), batchSize, CPU_MICRO_BATCH)
      : { group: ROW_GROUP, most: batchSize };
  }

  /** DeepSeek's indexers have a further cache, and some hybrids have layers with a sliding window. */
  get #stateParts(): StateParts | null {
    const { model } = this.#resources;
    const { architecture, isRecurrent, slidingWindow } = model;
    if (`${architecture}.attention.indexer.head_count` in model.metadata()) return null;
    if (isRecurrent) return slidingWindow > 0 ? null : model.isHybrid ? "hybrid" : "recurrent";
    return slidingWindow > 0 ? "windowed" : "attention";
  }

  #draftModel(shape: ContextShape): DraftModel | null {
    if (this.#draft === null) return null;
    const context = this.#contexts.draft = this.#draft.createContext(shape);
    context.attachThreadPool(this.#resources.pool);
    return new DraftModel(context);
  }

  /** The old contexts are closed first, because the memory may have no room for both. */
  #replace(shape: ContextShape): GenerationContext {
    this.#resources.adapters.forget(this.#contexts.main!);
    this.#contexts[Symbol.dispose]();
    this.#contexts.main = this.#factory.create(shape);
    return this.#describe(shape);
  }
}

function samplerModel({ library, model, tokenizer, options }: LoadResources): SamplerModel {
  return {
    library,
    vocab: model.vocab,
    sequenceLength: options.contextLength > 0 ? options.contextLength : model.trainedContext,
    recommended: recommendedSampling(model.metadata()),
    native: { ms: 0 },
    tokenText: {
      textOf: (token) => tokenizer.piece(token, true).text ?? "",
      tokensOf: (text) => [...model.vocab.tokenize(text, false, true)],
    },
    candidates: new Candidates(model.vocab.size),
    endOfGeneration: endOfGeneration(model.vocab),
  };
}

/** Opens the draft model; null without one. */
function openDraftModel(resources: LoadResources): OpenedDraft | null {
  const { library, model, options, flags, gate, threads, notes, stack } = resources;
  if (options.draftPaths === undefined) return null;
  const observer = {
    gate,
    onProgress: () => {},
    isCancelled: () => flags.isLoadingCancelled,
  };
  const draftOptions = { paths: options.draftPaths, model, options, threads };
  const draft = openDraft(library, draftOptions, observer, stack);
  if (typeof draft !== "string") return draft;
  notes.push(draft);
  return null;
}

/** End-of-generation tokens. */
function endOfGeneration(vocab: Vocab): number[] {
  const tokens: number[] = [];
  for (let token = 0; token < vocab.size; token++) {
    if (vocab.isEndOfGeneration(token)) tokens.push(token);
  }
  return tokens;
}
