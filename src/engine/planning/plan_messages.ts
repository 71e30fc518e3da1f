import type { TensorSize } from "../../../ffi/mod.ts";
import type { SlidingLayers } from "../model/mod.ts";
import type {
  ContextShape,
  DeviceInfo,
  LoadOptions,
  MemoryKind,
  SerializedError,
} from "../protocol/mod.ts";

/** Internal command that runs a planning process. */
export const PLAN_COMMAND = "__plan";
/** Module that runs a planning process when started as a program. */
export const PLAN_MODULE = new URL("./plan_main.ts", import.meta.url).href;
/** Prefix of a response line, which follows the native log of the request. */
export const PLAN_MARK = "shimmy-plan ";

/**
 * Requests to a planning process. Later requests refer to the model of the last `model` request.
 */
export type PlanRequest =
  | { readonly type: "model"; readonly options: LoadOptions }
  /** An embedding model ignores the shape. */
  | { readonly type: "context"; readonly shape: ContextShape }
  /** The draft model, with a context unless the shape is null. */
  | {
    readonly type: "draft";
    readonly paths: readonly string[];
    readonly shape: ContextShape | null;
  };

/** Properties of a draft model that was opened without weights. */
export interface PlannedDraft {
  /** Bytes of its weights. */
  readonly bytes: number;
  readonly kvBytesPerToken: number;
  readonly tensors: readonly TensorSize[];
}

/** Properties of a model that was loaded without weights. */
export interface PlannedModel {
  readonly layers: number;
  /** Trained context length in tokens. */
  readonly trainedContext: number;
  /** Whether the model generates text, and so has a generation context. */
  readonly generates: boolean;
  readonly kvBytesPerToken: number;
  /** Bytes of the recurrent state of each sequence. */
  readonly sequenceBytes: number;
  /** Layers with a sliding window; null without any. */
  readonly sliding: SlidingLayers | null;
  /** Maximum bytes of saved states in host memory. */
  readonly cacheBytes: number;
  readonly tensors: readonly TensorSize[];
  /** Tensors of the adapters. */
  readonly adapterTensors: readonly TensorSize[];
  /** Devices with their free memory before the load. */
  readonly devices: readonly DeviceInfo[];
}

export type PlanResponse =
  | { readonly model: PlannedModel }
  /** What the context keeps of a sequence; null for an embedding model. */
  | { readonly context: MemoryKind | null }
  /** The draft model, or why it is skipped. */
  | { readonly draft: PlannedDraft | string }
  | { readonly error: SerializedError };
