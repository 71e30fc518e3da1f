import {
  type AbortCheck,
  abortCheck,
  address,
  Batch,
  Candidates,
  type Context,
  deviceHandle,
  GGML_TYPE,
  type Library,
  listDevices,
  LLAMA_FLASH_ATTN_TYPE,
  loadBackends,
  type LoraAdapter,
  Model,
  NativeError,
  openLibrary,
  printLogs,
  silenceLogs,
  ThreadPool,
  type Vocab,
} from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import { explainAdapterFailure, explainLoadFailure } from "./explain.ts";
import type { EngineFlags } from "./flags.ts";
import { describeModel } from "./info.ts";
import { chooseContext, kvBytesPerToken } from "./memory_plan.ts";
import type { LoadOptions, ModelInfo } from "./protocol.ts";
import { recommendedSampling } from "./recommended.ts";
import type { SamplerModel } from "./sampler.ts";
import { availableMemory, defaultThreads } from "./system.ts";
import { Tokenizer } from "./tokenizer.ts";

/** Tokens in one call of `llama_decode` unless said otherwise. */
const DEFAULT_BATCH = 512;
/** Host memory for states of finished sequences, at most. */
const SAVED_BYTES = 256 * 2 ** 20;

/** An adapter in use. */
export interface AppliedLora {
  readonly name: string;
  readonly adapter: LoraAdapter;
  readonly scale: number;
}

/** Everything the loop works with. */
export interface LoadedModel extends Disposable {
  readonly info: ModelInfo;
  readonly context: Context;
  readonly vocab: Vocab;
  readonly tokenizer: Tokenizer;
  readonly sampling: SamplerModel;
  readonly loras: readonly AppliedLora[];
  /** Tokens one sequence may hold. */
  readonly sequenceLength: number;
  /** Whether its memory can forget the end of a sequence. */
  readonly canCut: boolean;
  readonly savedBytes: number;
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
  // Closed in the opposite order, also when a later step fails.
  const stack = new DisposableStack();
  try {
    const library = stack.use(openLibrary(options.libraryFolder));
    if (options.verbose) printLogs(library);
    else silenceLogs(library);
    loadBackends(library);
    library.llama.llama_backend_init();
    const abort = stack.adopt(abortCheck(), (check) => check?.[Symbol.dispose]());
    const threads = options.threads > 0 ? options.threads : defaultThreads();
    const pool = stack.use(ThreadPool.create(library, { threads }));
    const model = stack.use(readWeights(library, options, flags, onProgress));
    const notes: string[] = [];
    const context = stack.use(
      createContext(library, model, options, { threads, abort, flags, notes }),
    );
    context.attachThreadPool(pool);
    const loras = loadAdapters(library, model, options);
    if (loras.length > 0) context.setLoras(loras);
    warmUp(model, context);
    const sequenceLength = options.contextLength > 0
      ? Math.min(options.contextLength, context.sequenceLength)
      : context.sequenceLength;
    const metadata = model.metadata();
    const info = describeModel(library, model, context, {
      options,
      metadata,
      threads,
      notes,
      sequenceLength,
      loadMs: performance.now() - start,
    });
    const owned = stack.move();
    return {
      info,
      context,
      vocab: model.vocab,
      tokenizer: new Tokenizer(model.vocab),
      sampling: {
        library,
        vocab: model.vocab,
        sequenceLength,
        recommended: recommendedSampling(metadata),
        candidates: new Candidates(model.vocab.size),
        endOfGeneration: endOfGeneration(model.vocab),
      },
      loras,
      sequenceLength,
      canCut: !model.isRecurrent && model.slidingWindow === 0,
      savedBytes: model.isRecurrent ? 0 : SAVED_BYTES,
      [Symbol.dispose]: () => owned.dispose(),
    };
  } finally {
    stack.dispose();
  }
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

function createContext(
  library: Library,
  model: Model,
  options: LoadOptions,
  { threads, abort, flags, notes }: {
    threads: number;
    abort: AbortCheck | null;
    flags: EngineFlags;
    notes: string[];
  },
): Context {
  const plan = chooseContext({
    asked: options.contextLength,
    trained: model.trainedContext,
    sequences: options.kvUnified ? 1 : options.parallel,
    bytesPerToken: kvBytesPerToken(model, options.kvType),
    available: freeMemory(library, options),
  });
  notes.push(...plan.notes);
  const batchSize = Math.max(
    options.batchSize > 0 ? options.batchSize : DEFAULT_BATCH,
    options.parallel,
  );
  const flashAttention = {
    auto: LLAMA_FLASH_ATTN_TYPE.AUTO,
    on: LLAMA_FLASH_ATTN_TYPE.ENABLED,
    off: LLAMA_FLASH_ATTN_TYPE.DISABLED,
  }[options.flashAttention];
  const kvType = GGML_TYPE[options.kvType.toUpperCase() as keyof typeof GGML_TYPE];
  try {
    return model.createContext((parameters) => {
      parameters.n_ctx = plan.length * (options.kvUnified ? 1 : options.parallel);
      parameters.n_seq_max = options.parallel;
      parameters.n_batch = batchSize;
      parameters.n_ubatch = batchSize;
      // One token of each sequence is sampled from at a time: room for more would be wasted.
      parameters.n_outputs_max = options.parallel;
      parameters.n_threads = threads;
      parameters.n_threads_batch = threads;
      parameters.flash_attn_type = flashAttention;
      parameters.type_k = kvType;
      parameters.type_v = kvType;
      parameters.kv_unified = options.kvUnified;
      parameters.no_perf = true;
      if (abort !== null) {
        parameters.abort_callback = abort.address;
        parameters.abort_callback_data = address(flags.abortBytes);
      }
    }, flags);
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    throw new ShimmyError(
      "backend",
      `Cannot make a context of ${plan.length} tokens for ${options.parallel} sequences with a ` +
        `${options.kvType} cache: there is not enough memory, or the model does not allow it`,
      { cause: error },
    );
  }
}

/** Bytes free where the KV cache will lie. */
function freeMemory(library: Library, options: LoadOptions): number {
  if (options.gpuLayers === 0 || options.devices?.length === 0) return availableMemory();
  const gpus = listDevices(library).filter(({ kind, name }) =>
    kind !== "cpu" && (options.devices?.includes(name) ?? true)
  );
  const free = gpus.reduce((sum, device) => sum + device.memoryFree, 0);
  return gpus.length === 0 ? availableMemory() : free;
}

function loadAdapters(library: Library, model: Model, options: LoadOptions): AppliedLora[] {
  return options.loras.map(({ path, scale }) => {
    const name = path.replace(/^.*[\\/]/, "").replace(/\.gguf$/i, "");
    try {
      return { name, adapter: model.loadLora(path), scale };
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      throw explainAdapterFailure(library, model, path, name, error);
    }
  });
}

/** Computes one token, so that the first request does not pay for what is made at first use. */
function warmUp(model: Model, context: Context): void {
  const batch = new Batch(1);
  batch.add(model.vocab.bos ?? model.vocab.eos ?? 0, 0, 0, true);
  context.decode(batch);
  context.synchronize();
  context.clear();
}

/** Tokens that end an answer. */
function endOfGeneration(vocab: Vocab): number[] {
  const tokens: number[] = [];
  for (let token = 0; token < vocab.size; token++) {
    if (vocab.isEndOfGeneration(token)) tokens.push(token);
  }
  return tokens;
}
