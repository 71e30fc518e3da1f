import {
  address,
  Batch,
  type Context,
  type Library,
  listDevices,
  type Model,
  NativeError,
  releaseUnusedCells,
} from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import {
  checkContext,
  chooseShape,
  type ChosenShape,
  configureContext,
  contextBudget,
  deviceReserve,
  FIRST_CONTEXT_BYTES,
  isOnCpu,
  type LoadResources,
  microBatch,
  modelKvBytesPerToken,
  type OpenedDraft,
  recurrentBytesPerSequence,
  ropeFactors,
  ropeStretch,
  slidingLayers,
  stretchRope,
} from "../model/mod.ts";
import { availableMemory } from "../native/mod.ts";
import type { ContextShape, LoadOptions } from "../protocol/mod.ts";
import type { LargerContext } from "../scheduler/mod.ts";

/** Main memory to leave free beside states that move to another context. */
const STATE_MARGIN = 256 * 2 ** 20;

/** A larger context is larger by this factor, if memory allows, because creating one takes seconds. */
const GROWTH = 1.5;

/** Creates the generation contexts of a loaded model, one after the other. */
export class ContextFactory {
  readonly #resources: LoadResources;
  readonly #metadata: Readonly<Record<string, string>>;
  /** KV cache bytes per token of the model, and of its draft model. */
  readonly #bytesPerToken: number;
  readonly #draftBytesPerToken: number;
  /** Bytes of the recurrent state of each sequence. */
  readonly #sequenceBytes: number;
  /** Bytes of the weights of both, and of a projector in main memory. */
  readonly #weights: number;
  /** Bytes of the weights that the available main memory does not count as free, as it does pages of a file. */
  readonly #countedWeights: number;

  /** @param draft null without a draft model. */
  constructor(resources: LoadResources, draft: OpenedDraft | null) {
    const { library, model, options, memoryBefore, projectorBytes } = resources;
    this.#resources = resources;
    this.#metadata = model.metadata();
    this.#bytesPerToken = modelKvBytesPerToken(
      library,
      model,
      options.modelPaths,
      options.kvType,
    );
    this.#draftBytesPerToken = draft?.kvBytesPerToken ?? 0;
    this.#sequenceBytes = recurrentBytesPerSequence(library, model, options.modelPaths);
    this.#weights = model.size + (draft?.bytes ?? 0) + projectorBytes;
    this.#countedWeights = Math.min(this.#weights, Math.max(0, memoryBefore - availableMemory()));
  }

  /** Maximum tokens of a sequence in any context. */
  maxLength(shape: ContextShape): number {
    const { options, model } = this.#resources;
    if (options.contextLength > 0) return options.contextLength;
    return Math.max(shape.length, model.trainedContext);
  }

  /** Chooses the shape of the first context. */
  choose(): ChosenShape {
    const { options, library, memoryBefore } = this.#resources;
    if (options.shape !== undefined) return { shape: options.shape, notes: [] };
    const memory = isOnCpu(options)
      ? {
        isMain: true,
        available: Math.min(memoryBefore, options.memoryLimit ?? Infinity) -
          (options.memoryClaimed ?? 0),
        modelBytes: this.#weights,
      }
      : { isMain: false, available: freeOnDevices(library, options), modelBytes: this.#weights };
    return this.#shapeIn(contextBudget(memory));
  }

  /**
   * The shape of a context for a sequence that is longer than the sequences of the current context.
   *
   * @param length tokens of the sequence
   * @param current the shape of the current context, which will be closed
   * @param cellsUsed cells of the current context that were written
   * @returns null if the memory has no room for it.
   */
  larger(
    length: number,
    current: ContextShape,
    cellsUsed: number,
  ): Omit<LargerContext, "keepsStates"> | null {
    const { options, library } = this.#resources;
    if (length > this.maxLength(current)) return null;
    const free = availableMemory();
    const freed = cellsUsed * (this.#bytesPerToken + this.#draftBytesPerToken);
    const memory = isOnCpu(options)
      ? {
        isMain: true,
        // As it would be before the weights were read.
        available: Math.min(free + freed + this.#countedWeights, options.memoryLimit ?? Infinity),
        modelBytes: this.#weights,
      }
      : {
        isMain: false,
        available: freeOnDevices(library, options) + current.kvBytes,
        modelBytes: this.#weights,
      };
    const budget = contextBudget({ ...memory, isRequested: true });
    const shape = this.#grown(length, current, budget);
    if (shape === null) return null;
    const stateBytes = isOnCpu(options) ? free + freed - shape.kvBytes - STATE_MARGIN : free / 2;
    return { shape, stateBytes: Math.max(0, stateBytes) };
  }

  /**
   * Maximum tokens of a sequence, in a context of this shape or in a larger one that memory has room for
   * now; to a twentieth, where memory limits it.
   */
  longest(shape: ContextShape): number {
    for (let length = this.maxLength(shape); length > shape.length; length -= length / 20) {
      const whole = Math.floor(length);
      if (this.larger(whole, shape, 0) !== null) return whole;
    }
    return shape.length;
  }

  /** A larger shape within a budget: not all of it at once, and with room beyond the length. */
  #grown(length: number, current: ContextShape, budget: number): ContextShape | null {
    const roomy = Math.max(length, Math.floor(current.length * GROWTH));
    const longest = Math.min(roomy, this.maxLength(current));
    const modest = Math.min(budget, Math.max(FIRST_CONTEXT_BYTES, 2 * current.kvBytes));
    const ways = [[longest, modest], [longest, budget], [length, budget]] as const;
    for (const [atLeast, bytes] of ways) {
      const { shape } = this.#shapeIn(bytes, atLeast, current.sequences);
      if (shape.length >= atLeast && shape.kvBytes <= bytes) return shape;
    }
    return null;
  }

  #shapeIn(budget: number, atLeast?: number, parallel?: number): ChosenShape {
    const { model, options } = this.#resources;
    const own = this.#bytesPerToken;
    return chooseShape({
      sliding: slidingLayers(model, this.#metadata, own, microBatch(options), options.swaFull),
      draftBytesPerToken: this.#draftBytesPerToken,
      sequenceBytes: this.#sequenceBytes,
      requested: options.contextLength,
      trained: model.trainedContext,
      parallel: parallel ?? options.parallel,
      kvUnified: options.kvUnified,
      sharesOneContext: options.sharesOneContext,
      bytesPerToken: own,
      budget,
      ...(atLeast === undefined ? {} : { atLeast }),
    });
  }

  /** Factor by which YaRN scales RoPE; null without scaling. */
  ropeStretch(shape: ContextShape): number | null {
    const { model, options } = this.#resources;
    const length = Math.max(shape.length, options.contextLength);
    const { trainedContext, ropeType } = model;
    return ropeStretch(length, { trainedContext, ropeType, metadata: this.#metadata });
  }

  /** Factors of long RoPE that the context uses; null without them. */
  ropeFactors({ unified, cells, length }: ContextShape): "short" | "long" | null {
    return ropeFactors(unified ? cells : length, { metadata: this.#metadata });
  }

  /**
   * Creates a context.
   * @throws {ShimmyError} `invalid` if the context cannot fit, `backend` if libllama cannot create it.
   */
  create(shape: ContextShape): Context {
    const { library, model, options, pool, notes } = this.#resources;
    this.#check(shape);
    const stretch = this.ropeStretch(shape);
    if (stretch !== null) {
      const factor = Number(stretch.toFixed(2));
      notes.push(`Positions are scaled by YaRN with factor ${factor}; answers can be worse`);
    }
    const context = this.#open(shape, stretch);
    if (!context.hasMemory) return context;
    context.attachThreadPool(pool);
    warmUp(model, context);
    if (isOnCpu(options)) releaseUnusedCells(library, context, model.layers);
    return context;
  }

  #check(shape: ContextShape): void {
    const { library, model, options } = this.#resources;
    const keepsAll = !model.isRecurrent && model.slidingWindow === 0 &&
      this.#metadata[`${this.#metadata["general.architecture"]}.attention.kv_lora_rank`] ===
        undefined;
    const problem = checkContext({
      ...options,
      shape,
      bytesPerToken: keepsAll ? this.#bytesPerToken : null,
      memory: totalMemory(library),
    });
    if (problem !== null) throw problem;
  }

  #open(shape: ContextShape, stretch: number | null): Context {
    const { model, options, flags, threads, abort } = this.#resources;
    try {
      return model.createContext((parameters) => {
        configureContext(parameters, options, shape, threads, model.vocab.size);
        if (stretch !== null) stretchRope(parameters, stretch, model.trainedContext);
        if (abort !== null) {
          parameters.abort_callback = abort.address;
          parameters.abort_callback_data = address(flags.abortBytes);
        }
      }, flags);
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      throw new ShimmyError(
        "backend",
        `Cannot create a context of ${shape.length} tokens for ${shape.sequences} sequences with a ` +
          `${options.kvType} KV cache: not enough memory, or not supported by the model`,
        { cause: error },
      );
    }
  }
}

/** Total memory of the host and the GPUs in bytes. */
function totalMemory(library: Library): number {
  const devices = listDevices(library).filter(({ kind }) => kind === "gpu");
  return devices.reduce((sum, device) => sum + device.memoryTotal, Deno.systemMemoryInfo().total);
}

/** Free memory in bytes on the devices that will hold the KV cache, after their reserves. */
function freeOnDevices(library: Library, options: LoadOptions): number {
  const gpus = listDevices(library).filter(({ kind, name }) =>
    kind !== "cpu" && (options.devices?.includes(name) ?? true)
  );
  if (gpus.length === 0) return availableMemory();
  return gpus.reduce(
    (sum, { memoryFree, memoryTotal }) =>
      sum + Math.max(0, memoryFree - deviceReserve(memoryTotal, options.gpuReserve)),
    0,
  );
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
