import { LLAMA_LOAD_MODE, LLAMA_SPLIT_MODE } from "../generated/enums.ts";
import { LlamaModelParams, LlamaModelTensorBuftOverride } from "../generated/structs.ts";
import type { Library } from "../library/library.ts";
import { address, cString, PointerArray } from "../memory/memory.ts";

/** `enum llama_split_mode`. */
export type SplitMode = "none" | "layer" | "row" | "tensor";

/** How a model is read. */
export interface ModelOptions {
  /** The model's file, or its shards in order. */
  readonly paths: readonly string[];
  /** Layers to put on devices; negative means all. */
  readonly gpuLayers: number;
  /** How several devices share the model; the library's default is `layer`. */
  readonly splitMode?: SplitMode | undefined;
  /** Which of the devices holds all of the model under `none`. */
  readonly mainGpu?: number | undefined;
  /** How much of the model each device gets, in proportion to the others; devices beyond these get nothing. */
  readonly tensorSplit?: readonly number[] | undefined;
  /** Tensors whose names match a pattern (ECMAScript's) go into a buffer type, as `bufferTypes` gives them. */
  readonly tensorOverrides?: readonly {
    readonly pattern: string;
    readonly buffer: Deno.PointerObject;
  }[];
  /** Devices to use, as `deviceHandle` gives them; null lets the library choose, empty means the CPU alone. */
  readonly devices: readonly Deno.PointerObject[] | null;
  /** Reads the vocabulary and metadata alone. */
  readonly vocabOnly?: boolean;
  /** Goes through loading without memory for the weights. */
  readonly noAllocation?: boolean;
  /** Called with 0 to 1 while weights are read; returning false ends the loading. */
  readonly onProgress?: (fraction: number) => boolean;
}

/**
 * The library's default parameters, changed as the options say, but for the progress.
 *
 * @returns the struct, and what it points into
 * @throws {RangeError} for more proportions than the library has places for.
 */
export function modelParameters(
  library: Library,
  options: Omit<ModelOptions, "paths" | "onProgress">,
): { readonly parameters: LlamaModelParams; readonly keepAlive: unknown } {
  const parameters = new LlamaModelParams(
    library.llama.llama_model_default_params() as Uint8Array<ArrayBuffer>,
  );
  parameters.n_gpu_layers = options.gpuLayers;
  parameters.vocab_only = options.vocabOnly ?? false;
  if (options.noAllocation) {
    parameters.no_alloc = true;
    // libllama ends the process where it is to map the file as well.
    parameters.load_mode = LLAMA_LOAD_MODE.NONE;
  }
  if (options.splitMode !== undefined) parameters.split_mode = SPLIT_MODES[options.splitMode];
  if (options.mainGpu !== undefined) parameters.main_gpu = options.mainGpu;
  const split = tensorSplit(library, options.tensorSplit ?? []);
  if (split !== null) parameters.tensor_split = address(split);
  const overrides = tensorOverrides(options.tensorOverrides ?? []);
  if (overrides !== null) parameters.tensor_buft_overrides = address(overrides.bytes);
  // A list ends with a null pointer; an empty one keeps the model on the CPU.
  const devices = options.devices === null ? null : new PointerArray(options.devices, true);
  if (devices !== null) parameters.devices = address(devices.bytes);
  return { parameters, keepAlive: [split, overrides, devices] };
}

const SPLIT_MODES: Readonly<Record<SplitMode, number>> = {
  none: LLAMA_SPLIT_MODE.NONE,
  layer: LLAMA_SPLIT_MODE.LAYER,
  row: LLAMA_SPLIT_MODE.ROW,
  tensor: LLAMA_SPLIT_MODE.TENSOR,
};

/** The proportions as the library reads them: one for each device there may ever be. */
function tensorSplit(library: Library, proportions: readonly number[]): Float32Array | null {
  if (proportions.length === 0) return null;
  const places = Number(library.llama.llama_max_devices());
  if (proportions.length > places) {
    throw new RangeError(`Cannot split a model: ${proportions.length} parts are over ${places}`);
  }
  const split = new Float32Array(places);
  split.set(proportions);
  return split;
}

/** The overrides as an array that a null pattern ends, with what it points into. */
function tensorOverrides(overrides: NonNullable<ModelOptions["tensorOverrides"]>) {
  if (overrides.length === 0) return null;
  const size = LlamaModelTensorBuftOverride.SIZE;
  const bytes = new Uint8Array((overrides.length + 1) * size);
  const patterns = overrides.map(({ pattern }) => cString(pattern));
  overrides.forEach(({ buffer }, index) => {
    const entry = new LlamaModelTensorBuftOverride(
      bytes.subarray(index * size, (index + 1) * size),
    );
    entry.pattern = address(patterns[index]!);
    entry.buft = Deno.UnsafePointer.value(buffer);
  });
  return { bytes, patterns };
}
