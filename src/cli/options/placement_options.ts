import type { LoadOptions } from "../../engine/protocol/mod.ts";
import { expertOverrides } from "../../engine/model/placement/mod.ts";
import type { GlobalValues } from "./global_options.ts";
import { UsageError } from "./options.ts";

/** @throws {UsageError} when a placement option has no effect together with another one. */
export function checkPlacement(globals: GlobalValues): void {
  const splitMode = globals["split-mode"];
  if (globals["main-gpu"] !== null && splitMode !== "none") {
    throw new UsageError("--main-gpu: has an effect only with --split-mode none");
  }
  if (globals["tensor-split"] !== null && splitMode === "none") {
    throw new UsageError("--tensor-split: has no effect with --split-mode none");
  }
  if (globals.rpc.length > 0 && (splitMode === "row" || splitMode === "tensor")) {
    throw new UsageError(`--rpc: must have --split-mode layer or none, not ${splitMode}`);
  }
  if (splitMode === "tensor" && globals["flash-attn"] === "off") {
    throw new UsageError("--flash-attn: must be auto or on with --split-mode tensor");
  }
}

/** The global options that place tensors, as the engine takes them. */
export function placementOptions(globals: GlobalValues): Partial<LoadOptions> {
  const splitMode = globals["split-mode"];
  const mainGpu = globals["main-gpu"];
  const tensorSplit = globals["tensor-split"];
  const experts = globals["n-cpu-moe"];
  const tensorOverrides = [
    ...globals["override-tensor"],
    ...(globals["cpu-moe"] ? expertOverrides("all") : []),
    ...(experts === null ? [] : expertOverrides(experts)),
  ];
  return {
    ...(splitMode === "layer" ? {} : { splitMode }),
    ...(mainGpu === null ? {} : { mainGpu }),
    ...(tensorSplit === null ? {} : { tensorSplit }),
    ...(tensorOverrides.length === 0 ? {} : { tensorOverrides }),
  };
}
