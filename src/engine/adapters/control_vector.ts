import { basename } from "node:path";
import { type FileTensor, GGML_TYPE, type GgufFile, type Model } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { LayerRange } from "../protocol/mod.ts";

/** Value of `general.architecture` in the file of a control vector. */
export const CONTROL_VECTOR = "controlvector";

/** Directions that are added to layer outputs. */
export interface ControlVector {
  /** Values per layer. */
  readonly width: number;
  /** By layer number, starting at 1. */
  readonly directions: ReadonlyMap<number, Float32Array<ArrayBuffer>>;
}

/** Properties of a model that a control vector must match. */
export type VectorModel = Pick<Model, "architecture" | "embeddingLength" | "layers">;

/** Architectures whose graph in libllama does not add control vectors. */
const UNSUPPORTED_ARCHITECTURES: ReadonlySet<string> = new Set([
  "bert",
  "eurobert",
  "hy_v4",
  "jina-bert-v2",
  "jina-bert-v3",
  "modern-bert",
  "neo-bert",
  "nomic-bert",
  "nomic-bert-moe",
  "plamo2",
]);

/**
 * Architectures that have the same name in GGUF and in the configurations of other programs, from
 * which `model_hint` is taken. Other hints are ambiguous: `mistral`, for example, is `llama` in
 * GGUF.
 */
const RELIABLE_HINTS: ReadonlySet<string> = new Set([
  "falcon",
  "gemma",
  "gemma2",
  "gemma3",
  "gpt2",
  "granite",
  "internlm2",
  "llama",
  "olmo2",
  "phi3",
  "qwen2",
  "qwen3",
  "stablelm",
  "starcoder2",
]);

/**
 * Reads a control vector: one F32 tensor `direction.N` for each layer N that it changes. Format: as
 * read by `common_control_vector_load` of llama.cpp.
 *
 * @throws {ShimmyError} `backend` if the file is not a control vector or does not fit the model.
 */
export function readControlVector(
  file: GgufFile,
  path: string,
  model: VectorModel,
): ControlVector {
  const refuse = (reason: string) => adapterError(path, reason);
  const { architecture, embeddingLength: width, layers } = model;
  if (UNSUPPORTED_ARCHITECTURES.has(architecture)) {
    throw refuse(`models of architecture ${architecture} do not support control vectors`);
  }
  const hint = file.text(`${CONTROL_VECTOR}.model_hint`);
  if (hint !== null && hint !== architecture && RELIABLE_HINTS.has(hint)) {
    throw refuse(`control vector was made for ${hint}, the model is ${architecture}`);
  }
  const tensors = file.tensors();
  if (tensors.length === 0) throw refuse("control vector has no directions");
  const directions = new Map<number, Float32Array<ArrayBuffer>>();
  using data = Deno.openSync(path);
  for (const tensor of tensors) {
    const layer = layerOf(tensor);
    if (layer === null) {
      throw refuse(`tensor '${tensor.name}' is not a direction; expected direction.1 and so on`);
    }
    if (tensor.type !== GGML_TYPE.F32) {
      throw refuse(`tensor '${tensor.name}' is not F32`);
    }
    if (tensor.shape.length !== 1 || tensor.shape[0] !== width) {
      throw refuse(
        `directions have ${
          tensor.shape.join(" x ")
        } values, the embeddings of the model have ${width}`,
      );
    }
    if (layer >= layers) {
      throw refuse(
        `control vector has a direction for layer ${layer}, the last layer of the model is ` +
          `${layers - 1}`,
      );
    }
    const values = readFloats(data, tensor);
    if (values === null) throw refuse("file is truncated or damaged");
    directions.set(layer, values);
  }
  return { width, directions };
}

/** Error for an adapter file. The message has the file name; `detail` has the path. */
export function adapterError(path: string, reason: string): ShimmyError {
  const message = `Cannot load adapter '${basename(path)}': ${reason}`;
  return new ShimmyError("backend", message, { detail: path });
}

/** Layer number of a direction tensor; null for other tensors. Layer 0 has no direction. */
function layerOf({ name }: FileTensor): number | null {
  const number = /^direction\.([1-9]\d{0,5})$/.exec(name)?.[1];
  return number === undefined ? null : Number(number);
}

/** Values of an F32 tensor; null if the file is too short or a value is not finite. */
function readFloats(
  file: Deno.FsFile,
  { offset, bytes }: FileTensor,
): Float32Array<ArrayBuffer> | null {
  const raw = new Uint8Array(bytes);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < bytes;) {
    const read = file.readSync(raw.subarray(at));
    if (read === null) return null;
    at += read;
  }
  const view = new DataView(raw.buffer);
  const values = new Float32Array(bytes / 4);
  for (let at = 0; at < values.length; at++) values[at] = view.getFloat32(at * 4, true);
  return values.every(Number.isFinite) ? values : null;
}

/** A control vector with its scale and, unless it applies to all layers, its layer range. */
export interface WeightedVector {
  readonly vector: ControlVector;
  readonly scale: number;
  readonly layers: LayerRange | null;
}

/**
 * Sum of several control vectors in the layout that libllama takes: `width` values per layer from
 * layer 1, zeros where no vector has a direction. Rounds after each step as llama.cpp does.
 */
export function sumVectors(
  parts: readonly WeightedVector[],
  { embeddingLength: width, layers }: Pick<VectorModel, "embeddingLength" | "layers">,
): Float32Array<ArrayBuffer> {
  const sum = new Float32Array(width * (layers - 1));
  for (const { vector, scale, layers: range } of parts) {
    const factor = Math.fround(scale);
    for (const [layer, values] of vector.directions) {
      if (range !== null && (layer < range[0] || layer > range[1])) continue;
      const from = width * (layer - 1);
      values.forEach((value, at) => sum[from + at]! += Math.fround(value * factor));
    }
  }
  return sum;
}
