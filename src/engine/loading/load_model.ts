import {
  abortCheck,
  type Library,
  loadBackends,
  openLibrary,
  printLogs,
  releaseMappedPages,
  silenceLogs,
  tensorSizes,
  ThreadPool,
  type Vocab,
} from "../../../ffi/mod.ts";
import { Adapters } from "../adapters/mod.ts";
import { NO_ROWS } from "../disk_cache/mod.ts";
import { Embedder } from "../embedding/mod.ts";
import {
  availableMemory,
  computeThreads,
  type EngineFlags,
  fileSize,
  type NativeGate,
} from "../native/mod.ts";
import type { GenerationContext } from "../scheduler/mod.ts";
import { createGeneration } from "./create_generation.ts";
import { Media, MediaNumbers, type OpenedMedia, openMedia } from "../media/mod.ts";
import { describeModel } from "./model_info.ts";
import { type FileState, type LoadOptions, LOG_END, type ModelInfo } from "../protocol/mod.ts";
import { Tokenizer } from "../tokenizer/mod.ts";
import {
  addWorkers,
  FLASH_ATTENTION,
  isOnCpu,
  type LoadResources,
  readWeights,
  unmatchedOverrides,
} from "../model/mod.ts";

/** A loaded model. */
export interface LoadedModel extends Disposable {
  readonly info: ModelInfo;
  readonly vocab: Vocab;
  readonly tokenizer: Tokenizer;
  /** Null for an embedding or reranking model. */
  readonly generation: GenerationContext | null;
  readonly adapters: Adapters;
  readonly embedder: Embedder;
  /** Null without a projector that can be used. */
  readonly media: Media | null;
}

/** Memory shared with other threads. */
export interface Shared {
  readonly flags: EngineFlags;
  readonly gate: NativeGate;
}

/**
 * Loads a model with its adapters, generation context and embedder.
 * @throws {ShimmyError} with the reason; paths and native messages are in `detail`.
 */
export function loadModel(
  options: LoadOptions,
  { flags, gate }: Shared,
  onProgress: (fraction: number) => void,
): LoadedModel {
  const start = performance.now();
  // Disposes in reverse order if a later step fails.
  using stack = new DisposableStack();
  const library = stack.use(openLibrary(options.libraryFolder));
  if (options.verbose || options.logLoad) printLogs(library);
  else silenceLogs(library);
  gate.serialized(() => loadBackends(library));
  gate.serialized(() => addWorkers(library, options.rpc));
  library.llama.llama_backend_init();
  const abort = stack.use(abortCheck());
  const memoryBefore = availableMemory();
  const files = options.modelPaths.map(fileState);
  const projectorFile = options.projector && fileState(options.projector.path);
  const threads = computeThreads(options);
  const pool = stack.use(ThreadPool.create(library, { threads }));
  const model = stack.use(
    readWeights(library, options.modelPaths, options, {
      gate,
      onProgress,
      isCancelled: () => flags.isLoadingCancelled,
    }),
  );
  // Before the warm-up, which reads the needed pages again. Exclusive: another thread that unmaps
  // the same file meanwhile would free addresses for other memory.
  gate.exclusive(() => releaseMappedPages(options.modelPaths));
  const tokenizer = new Tokenizer(model.vocab, model.chatTemplate("rerank"));
  const notes = [...options.notes ?? [], ...overrideNotes(library, options)];
  const adapters = new Adapters({ library, model, gate });
  adapters.loadAll(options.loras);
  const shared = {
    library,
    model,
    adapters,
    options,
    flags,
    gate,
    threads,
    pool,
    abort,
    memoryBefore,
  };
  const encoders = openEncoders(shared, stack);
  const refusal = encoders !== null && "refusal" in encoders ? encoders.refusal : null;
  if (refusal !== null) notes.push(refusal);
  const context = encoders === null || "refusal" in encoders ? null : encoders;
  const numbers = new MediaNumbers(mediaOrigin(projectorFile));
  const generation = model.isEmbeddingModel ? null : createGeneration({
    ...shared,
    tokenizer,
    rowNames: context === null ? NO_ROWS : numbers,
    projectorBytes: context === null ? 0 : projectorBytes(options),
    notes,
    stack,
  });
  const embedder = stack.use(new Embedder(shared, generation?.sequenceLength ?? null));
  if (generation === null) notes.push(...limitNotes(embedder.limit, model.trainedContext, options));
  if (generation === null) context?.close();
  const media = context === null || generation === null
    ? null
    : new Media(context, tokenizer, numbers, { maxWholeRows: generation.wholeRows });
  const info = describeModel(library, model, {
    options,
    generation,
    embedder,
    media: media?.support ?? (refusal === null ? null : { vision: false, audio: false, refusal }),
    threads,
    // A plan may have produced the same notes.
    notes: [...new Set(notes)],
    loadMs: performance.now() - start,
    files,
    projectorFile,
  });
  if (options.logLoad) {
    if (!options.verbose) silenceLogs(library);
    Deno.stderr.writeSync(new TextEncoder().encode(`\n${LOG_END}\n`));
  }
  // For an embedding model, creating the context shows whether it can compute.
  if (generation === null) embedder.prepare();
  const owned = stack.move();
  return {
    info,
    vocab: model.vocab,
    tokenizer,
    generation,
    adapters,
    embedder,
    media,
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** A file before it is read. Reading one that is missing gives the reason. */
function fileState(path: string): FileState {
  try {
    const { size, mtime } = Deno.statSync(path);
    return { size, modified: mtime?.getTime() ?? 0 };
  } catch {
    return { size: 0, modified: 0 };
  }
}

/** Opens the projector; null without one. */
function openEncoders(
  { library, model, options, threads }: Pick<
    LoadResources,
    "library" | "model" | "options" | "threads"
  >,
  stack: DisposableStack,
): OpenedMedia | null {
  if (options.projector === undefined || model.isEmbeddingModel) return null;
  return openMedia(library, model, options.projector, {
    threads,
    isOnCpu: isOnCpu(options),
    flashAttention: FLASH_ATTENTION[options.flashAttention],
  }, stack);
}

/** What the embeddings of a media file depend on besides the file. */
function mediaOrigin(projector: FileState | undefined): string {
  return JSON.stringify(projector === undefined ? [] : [projector]);
}

/** Bytes of main memory that the weights of the projector take. */
function projectorBytes(options: LoadOptions): number {
  const { projector } = options;
  if (projector === undefined || (projector.offload && !isOnCpu(options))) return 0;
  return fileSize(projector.path);
}

function overrideNotes(
  library: Library,
  { modelPaths, tensorOverrides = [] }: LoadOptions,
): string[] {
  if (tensorOverrides.length === 0) return [];
  const names = modelPaths.flatMap((path) => tensorSizes(library, path)).map(({ name }) => name);
  return unmatchedOverrides(names, tensorOverrides);
}

/** Notes on how the input limit differs from the requested or trained length. */
function limitNotes(limit: number, trained: number, { contextLength }: LoadOptions): string[] {
  if (contextLength > limit) {
    return [
      `Inputs are limited to the trained length of ${limit} tokens; --ctx is ${contextLength}`,
    ];
  }
  if (contextLength > 0 || trained <= limit) return [];
  return [
    `Inputs are limited to ${limit} of ${trained} trained tokens to save memory; ` +
    "set --ctx to change it",
  ];
}
