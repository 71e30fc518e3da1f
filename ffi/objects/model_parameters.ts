import { LLAMA_LOAD_MODE, LLAMA_SPLIT_MODE } from "../generated/enums.ts";
import { LlamaModelParams, LlamaModelTensorBuftOverride } from "../generated/structs.ts";
import type { Library } from "../library/library.ts";
import { address, cString, PointerArray } from "../memory/memory.ts";

/** `enum llama_split_mode`. */
export type SplitMode = "none" | "layer" | "row" | "tensor";

/** Options of a model load. */
export interface ModelOptions {
  /** Model file, or its shards in order. */
  readonly paths: readonly string[];
  /** Layers to offload to devices; negative: all. */
  readonly gpuLayers: number;
  /** Split mode over several devices. Default of libllama: `layer`. */
  readonly splitMode?: SplitMode | undefined;
  /** Index of the device that holds the whole model with split mode `none`. */
  readonly mainGpu?: number | undefined;
  /** Proportion of the model on each device. Devices beyond the list get nothing. */
  readonly tensorSplit?: readonly number[] | undefined;
  /**
   * Tensors whose names match a pattern (ECMAScript syntax) go to a buffer type of `bufferTypes`.
   */
  readonly tensorOverrides?: readonly {
    readonly pattern: string;
    readonly buffer: Deno.PointerObject;
  }[];
  /** Device handles of `deviceHandle`. Null: libllama chooses. Empty: CPU only. */
  readonly devices: readonly Deno.PointerObject[] | null;
  /** Load only vocabulary and metadata. */
  readonly vocabOnly?: boolean;
  /** Load without allocating memory for weights. */
  readonly noAllocation?: boolean;
  /** Called with the fraction of weights read, 0 to 1. Returning false cancels the load. */
  readonly onProgress?: (fraction: number) => boolean;
}

/**
 * Default parameters of libllama, changed by the options, except the progress callback.
 *
 * @returns the struct, and the memory it points to
 * @throws {RangeError} for more proportions than libllama supports.
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
    // libllama aborts if mapping is also enabled.
    parameters.load_mode = LLAMA_LOAD_MODE.NONE;
  }
  if (options.splitMode !== undefined) parameters.split_mode = SPLIT_MODES[options.splitMode];
  if (options.mainGpu !== undefined) parameters.main_gpu = options.mainGpu;
  const split = tensorSplit(library, options.tensorSplit ?? []);
  if (split !== null) parameters.tensor_split = address(split);
  const overrides = tensorOverrides(options.tensorOverrides ?? []);
  if (overrides !== null) parameters.tensor_buft_overrides = address(overrides.bytes);
  // The list is null-terminated. An empty list keeps the model on the CPU.
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

/** Proportions in the layout of libllama: one per possible device. */
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

/** Overrides as an array terminated by a null pattern, with the memory it points to. */
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
