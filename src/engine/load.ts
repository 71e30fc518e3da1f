import {
  abortCheck,
  deviceHandle,
  type Library,
  listDevices,
  loadBackends,
  Model,
  NativeError,
  openLibrary,
  printLogs,
  silenceLogs,
  ThreadPool,
  type Vocab,
} from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import { Embedder } from "./embedder.ts";
import { explainLoadFailure } from "./explain.ts";
import type { EngineFlags } from "./flags.ts";
import { type Generation, prepareGeneration } from "./generation.ts";
import { describeModel } from "./info.ts";
import type { LoadOptions, ModelInfo } from "./protocol.ts";
import { defaultThreads } from "./system.ts";
import { Tokenizer } from "./tokenizer.ts";

/** A model that is ready to compute. */
export interface LoadedModel extends Disposable {
  readonly info: ModelInfo;
  readonly vocab: Vocab;
  readonly tokenizer: Tokenizer;
  /** Null for a model that only computes embeddings or scores. */
  readonly generation: Generation | null;
  /** Makes ready what embeddings need; it is closed with the model. */
  createEmbedder(): Embedder;
}

/**
 * Loads a model and makes it ready to compute.
 * @throws {ShimmyError} with a sentence that says what is wrong; paths and native messages are in its
 * `detail`.
 */
export function loadModel(
  options: LoadOptions,
  flags: EngineFlags,
  onProgress: (fraction: number) => void,
): LoadedModel {
  const start = performance.now();
  // Closes everything in the opposite order, also when a later step fails.
  using stack = new DisposableStack();
  const library = stack.use(openLibrary(options.libraryFolder));
  if (options.verbose) printLogs(library);
  else silenceLogs(library);
  loadBackends(library);
  library.llama.llama_backend_init();
  const abort = stack.use(abortCheck());
  const threads = options.threads > 0 ? options.threads : defaultThreads();
  const pool = stack.use(ThreadPool.create(library, { threads }));
  const model = stack.use(readWeights(library, options, flags, onProgress));
  const notes: string[] = [];
  const generation = model.isEmbeddingModel
    ? null
    : prepareGeneration({ library, model, options, flags, threads, pool, abort, notes, stack });
  const info = describeModel(library, model, {
    options,
    generation,
    threads,
    notes,
    loadMs: performance.now() - start,
  });
  const owned = stack.move();
  return {
    info,
    vocab: model.vocab,
    tokenizer: new Tokenizer(model.vocab, model.chatTemplate("rerank")),
    generation,
    createEmbedder: () => owned.use(new Embedder(library, model, threads)),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

function readWeights(
  library: Library,
  options: LoadOptions,
  flags: EngineFlags,
  onProgress: (fraction: number) => void,
): Model {
  const devices = options.devices?.map((name) => {
    const handle = deviceHandle(library, name);
    if (handle !== null) return handle;
    const known = listDevices(library).map((device) => device.name).join(", ");
    throw new ShimmyError("invalid", `No device is named '${name}'; there are: ${known}`);
  }) ?? null;
  const report = throttled(onProgress);
  try {
    return Model.load(library, {
      paths: options.modelPaths,
      gpuLayers: options.gpuLayers,
      devices,
      onProgress: (fraction) => {
        report(fraction);
        return !flags.isLoadingCancelled;
      },
    });
  } catch (error) {
    if (flags.isLoadingCancelled) throw new ShimmyError("cancelled", "Loading was cancelled");
    if (error instanceof NativeError) throw explainLoadFailure(library, options.modelPaths, error);
    throw error;
  }
}

/** Passes a fraction on when it has moved by a hundredth. */
function throttled(onProgress: (fraction: number) => void): (fraction: number) => void {
  let last = -1;
  return (fraction) => {
    if (fraction < 1 && fraction - last < 0.01) return;
    last = fraction;
    onProgress(fraction);
  };
}
