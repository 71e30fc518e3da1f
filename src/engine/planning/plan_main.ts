import { TextLineStream } from "@std/streams/text-line-stream";
import {
  type Library,
  listDevices,
  loadBackends,
  type Model,
  NativeError,
  openLibrary,
  printLogs,
  tensorSizes,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { isProgram } from "../../own_command.ts";
import {
  addWorkers,
  configureContext,
  type LoadObserver,
  memoryKind,
  microBatch,
  modelKvBytesPerToken,
  openDraft,
  readWeights,
  recurrentBytesPerSequence,
  SAVED_STATE_BYTES,
  slidingLayers,
} from "../model/mod.ts";
import { configureEmbedding, initialContextSize } from "../embedding/mod.ts";
import { computeThreads, NativeGate } from "../native/mod.ts";
import {
  PLAN_MARK,
  type PlannedDraft,
  type PlannedModel,
  type PlanRequest,
  type PlanResponse,
} from "./plan_messages.ts";
import {
  type ContextShape,
  type LoadOptions,
  type MemoryKind,
  serializeError,
} from "../protocol/mod.ts";

/**
 * A process that loads a model without allocating memory. libllama reports placement only in its
 * log, so the log goes to stderr unchanged and each response follows it as one line. No callback
 * into JavaScript is needed, which a driver thread could call at a bad time.
 */
export async function planChild(): Promise<void> {
  using planner = new Planner();
  const lines = Deno.stdin.readable
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const text = `\n${PLAN_MARK}${JSON.stringify(planner.response(JSON.parse(line)))}\n`;
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  }
}

class Planner implements Disposable {
  readonly #observer: LoadObserver = {
    onProgress: () => {},
    isCancelled: () => false,
    gate: new NativeGate(),
  };
  #library: Library | null = null;
  #loaded: { readonly model: Model; readonly options: LoadOptions } | null = null;

  response(request: PlanRequest): PlanResponse {
    try {
      switch (request.type) {
        case "model":
          return { model: this.#load(request.options) };
        case "context":
          return { context: this.#makeContext(request.shape) };
        case "draft":
          return { draft: this.#openDraft(request.paths, request.shape) };
      }
    } catch (error) {
      return { error: serializeError(error) };
    }
  }

  #load(options: LoadOptions): PlannedModel {
    this.#unload();
    const library = this.#library ??= open(options.libraryFolder);
    addWorkers(library, options.rpc);
    const devices = listDevices(library);
    const model = readWeights(library, options.modelPaths, options, this.#observer, true);
    const generates = !model.isEmbeddingModel;
    const metadata = model.metadata();
    const { modelPaths: paths, kvType } = options;
    const bytesPerToken = modelKvBytesPerToken(library, model, paths, kvType);
    const batch = microBatch(options);
    this.#loaded = { model, options };
    return {
      layers: model.layers,
      trainedContext: model.trainedContext,
      generates,
      kvBytesPerToken: bytesPerToken,
      sequenceBytes: recurrentBytesPerSequence(library, model, paths),
      sliding: slidingLayers(model, metadata, bytesPerToken, batch, options.swaFull),
      cacheBytes: generates ? SAVED_STATE_BYTES : 0,
      tensors: options.modelPaths.flatMap((path) => tensorSizes(library, path)),
      adapterTensors: options.loras.flatMap(({ path }) => tensorSizes(library, path)),
      devices,
    };
  }

  #makeContext(shape: ContextShape): MemoryKind | null {
    const { model, options } = this.#loaded!;
    const threads = computeThreads(options);
    try {
      model.createContext((parameters) => {
        if (!model.isEmbeddingModel) {
          return configureContext(parameters, options, shape, threads, model.vocab.size);
        }
        const { tokens, sequences } = initialContextSize(model, options, null);
        configureEmbedding(parameters, { model, options, threads }, tokens, sequences);
      }).close();
      return model.isEmbeddingModel ? null : memoryKind(model, shape);
    } catch (cause) {
      if (!(cause instanceof NativeError)) throw cause;
      throw new ShimmyError(
        "backend",
        `Cannot create a context of ${shape.length} tokens: not supported by the model`,
        {
          cause,
        },
      );
    }
  }

  #openDraft(paths: readonly string[], shape: ContextShape | null): PlannedDraft | string {
    const { model, options } = this.#loaded!;
    const library = this.#library!;
    using stack = new DisposableStack();
    const threads = computeThreads(options);
    const draftOptions = { paths, model, options, threads, noAllocation: true };
    const draft = openDraft(library, draftOptions, this.#observer, stack);
    if (typeof draft === "string") return draft;
    if (shape !== null) draft.createContext(shape).close();
    const { bytes, kvBytesPerToken } = draft;
    const tensors = paths.flatMap((path) => tensorSizes(library, path));
    return { bytes, kvBytesPerToken, tensors };
  }

  #unload(): void {
    this.#loaded?.model.close();
    this.#loaded = null;
  }

  [Symbol.dispose](): void {
    this.#unload();
    this.#library?.close();
  }
}

function open(folder: string): Library {
  const library = openLibrary(folder);
  printLogs(library);
  loadBackends(library);
  library.llama.llama_backend_init();
  return library;
}

if (isProgram(import.meta)) void planChild();
