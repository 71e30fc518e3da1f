import type { TensorSize } from "../../../ffi/mod.ts";
import type { DeviceInfo, LoadOptions, SerializedError } from "../protocol/mod.ts";

/** The hidden command that runs the other end of a plan. */
export const PLAN_COMMAND = "__plan";
/** The module that does. */
export const PLAN_MODULE = new URL("./plan_main.ts", import.meta.url).href;
/** Begins the line of an response, which comes after the native log of what was asked. */
export const PLAN_MARK = "shimmy-plan ";

/** What a plan's process is asked; a later request is about the model of the last `model`. */
export type PlanRequest =
  | { readonly type: "model"; readonly options: LoadOptions }
  /** `length`: tokens of one sequence; a model that only embeds has a context of its own size. */
  | { readonly type: "context"; readonly length: number }
  /** The model that drafts, with its context. */
  | { readonly type: "draft"; readonly paths: readonly string[]; readonly length: number };

/** The facts of a model that was loaded without its weights. */
export interface PlannedModel {
  readonly layers: number;
  /** Tokens it was trained on. */
  readonly trainedContext: number;
  /** Whether it generates, and so has a context for it. */
  readonly generates: boolean;
  readonly kvBytesPerToken: number;
  /** Bytes of host memory for states of finished sequences. */
  readonly cacheBytes: number;
  readonly tensors: readonly TensorSize[];
  /** Those of its adapters. */
  readonly adapterTensors: readonly TensorSize[];
  /** As they are now, without the model. */
  readonly devices: readonly DeviceInfo[];
}

export type PlanResponse =
  | { readonly model: PlannedModel }
  | { readonly context: "made" }
  | { readonly draftTensors: readonly TensorSize[]; readonly notes: readonly string[] }
  | { readonly error: SerializedError };
