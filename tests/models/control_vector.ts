/** Control vectors for tests: generated, and the same on every machine. */
import { join } from "node:path";
import { buildGguf } from "./build_gguf.ts";

/** Control vectors with a recorded effect on the tiny model, by file name. */
export const VECTORS = {
  /** Changes the topic and keeps the sentences intact. */
  swerve: { seed: 2, layers: [2] },
  /** Distorts the sentences. */
  drift: { seed: 1 },
} as const satisfies Readonly<Record<string, VectorParts>>;

/**
 * Writes the control vectors to a folder.
 *
 * @returns Their paths.
 */
export async function writeVectors(folder: string): Promise<Record<keyof typeof VECTORS, string>> {
  const write = async (name: keyof typeof VECTORS) => {
    const path = join(folder, `${name}.gguf`);
    await Deno.writeFile(path, buildControlVector(VECTORS[name]));
    return path;
  };
  return { swerve: await write("swerve"), drift: await write("drift") };
}

/**
 * Number of layers of the tiny model that a control vector can change, and its embedding length.
 */
export const TINY_LAYERS = [1, 2, 3] as const;
export const TINY_WIDTH = 256;

export interface VectorParts {
  /** Seed of the directions. */
  readonly seed?: number;
  readonly width?: number;
  readonly layers?: readonly number[];
  readonly metadata?: Readonly<Record<string, string | number>>;
  /** Layer of the tensor. */
  readonly nameOf?: (layer: number) => string;
  /** `ggml_type`. The default is 0, `F32`. */
  readonly type?: number;
}

/** The bytes of a control vector file. */
export function buildControlVector(parts: VectorParts = {}): Uint8Array<ArrayBuffer> {
  const {
    seed = 1,
    width = TINY_WIDTH,
    layers = TINY_LAYERS,
    metadata = {},
    nameOf = (layer: number) => `direction.${layer}`,
    type = 0,
  } = parts;
  const bytes = Math.ceil(width * 4 / 32) * 32;
  const weights = new DataView(new ArrayBuffer(bytes * layers.length));
  layers.forEach((layer, at) => {
    for (let i = 0; i < width; i++) {
      weights.setFloat32(at * bytes + i * 4, valueOf(seed, layer, i), true);
    }
  });
  return buildGguf({
    metadata: {
      "general.architecture": "controlvector",
      "controlvector.model_hint": "llama",
      "controlvector.layer_count": layers.length,
      ...metadata,
    },
    tensors: layers.map((layer, at) => ({
      name: nameOf(layer),
      shape: [width],
      type,
      offset: at * bytes,
    })),
    weights: new Uint8Array(weights.buffer),
  });
}

/**
 * A number from -32 to 32 that is exact in 32 bits, similar in size to the values it is added to.
 */
function valueOf(seed: number, layer: number, at: number): number {
  let state = Math.imul(seed * 7919 + layer * 104_729 + at + 1, 2_654_435_761) >>> 0;
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 20) / 64 - 32;
}
