/** Models of each kind of memory, with the loop that computes them. */
import { join } from "node:path";
import { withFolder } from "../../ffi/testing.ts";
import type { LoadOptions } from "../../src/engine/protocol/mod.ts";
import { gptOssModel, mixtureModel } from "../models/experts.ts";
import { hybridModel } from "../models/hybrid.ts";
import { hybridSsmModel } from "../models/hybrid_ssm.ts";
import { mambaModel } from "../models/recurrent.ts";
import { windowedModel } from "../models/windowed.ts";
import { LoopHarness } from "./loop.ts";

/** A kind of memory. `cuts`: whether it loses any of its last tokens without a checkpoint. */
export interface Kind {
  readonly name: string;
  readonly model: () => Uint8Array<ArrayBuffer>;
  readonly cuts: boolean;
  readonly options?: Partial<LoadOptions>;
}

const small = { swaFull: "off" } as const;

export const KINDS: readonly Kind[] = [
  { name: "full attention with experts", model: mixtureModel, cuts: true },
  { name: "a sliding window with all cells", model: windowedModel, cuts: true },
  { name: "a small sliding window", model: windowedModel, cuts: false, options: small },
  { name: "a small window with sinks", model: gptOssModel, cuts: false, options: small },
  { name: "recurrent layers", model: mambaModel, cuts: false },
  { name: "convolutions and attention", model: hybridModel, cuts: false },
  { name: "state-space layers and attention", model: hybridSsmModel, cuts: false },
];

/** Runs a loop with a model whose answers do not depend on what is computed together. */
export async function withLoop(
  { model, options }: Kind,
  use: (loop: LoopHarness) => void,
  changes: Partial<LoadOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "model.gguf");
    await Deno.writeFile(path, model());
    using loop = await LoopHarness.load({
      modelPaths: [path],
      kvType: "f32",
      flashAttention: "off",
      contextLength: 512,
      parallel: 3,
      lookup: false,
      ...options,
      ...changes,
    });
    use(loop);
  });
}
