/** A model with random weights for each kind of memory. */
import type { LoadOptions } from "../../src/engine/protocol/mod.ts";
import { gptOssModel, mixtureModel } from "../models/experts.ts";
import { hybridModel } from "../models/hybrid.ts";
import { hybridSsmModel } from "../models/hybrid_ssm.ts";
import { mambaModel } from "../models/recurrent.ts";
import { windowedModel } from "../models/windowed.ts";

type MemoryModel = readonly [
  name: string,
  model: () => Uint8Array<ArrayBuffer>,
  options?: Partial<LoadOptions>,
];

export const MEMORY_MODELS: readonly MemoryModel[] = [
  ["full attention with experts", mixtureModel],
  ["a sliding window with all cells", windowedModel],
  ["a small sliding window", windowedModel, { swaFull: "off" }],
  ["a small window with sinks and experts", gptOssModel, { swaFull: "off" }],
  ["recurrent layers", mambaModel],
  ["convolutions and attention", hybridModel],
  ["state-space layers and attention", hybridSsmModel],
];
