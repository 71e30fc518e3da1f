import { type FileTensor, GGML_TYPE, type GgufFile, type Model } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { LayerRange } from "../protocol/mod.ts";

/** `general.architecture` of a control vector's file. */
export const CONTROL_VECTOR = "controlvector";

/** Directions that are added to what a model's layers put out. */
export interface ControlVector {
  /** Values for one layer. */
  readonly width: number;
  /** By layer, from 1 on. */
  readonly directions: ReadonlyMap<number, Float32Array<ArrayBuffer>>;
}

/** What of a model a control vector has to fit. */
export type VectorModel = Pick<Model, "architecture" | "embeddingLength" | "layers">;

/** Architectures whose computation in libllama has no place where a control vector would be added. */
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
 * Architectures that go by one name in GGUF and in the configurations from which other programs take the
 * hint of what a vector was made for. Other hints prove nothing: `mistral`, say, is `llama` in GGUF.
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
 * The control vector in a file: one tensor `direction.N` of 32-bit floats for each layer N that it
 * changes. Format: what llama.cpp's `common_control_vector_load` reads.
 *
 * @param subject the file, at the beginning of a sentence.
 * @throws {ShimmyError} `backend`, where it is none or does not fit the model.
 */
export function readControlVector(
  file: GgufFile,
  path: string,
  subject: string,
  model: VectorModel,
): ControlVector {
  const refuse = (what: string) =>
    new ShimmyError("backend", `${subject} ${what}`, { detail: path });
  const { architecture, embeddingLength: width, layers } = model;
  if (UNSUPPORTED_ARCHITECTURES.has(architecture)) {
    throw refuse(
      `is a control vector, which models of the architecture ${architecture} do not take`,
    );
  }
  const hint = file.text(`${CONTROL_VECTOR}.model_hint`);
  if (hint !== null && hint !== architecture && RELIABLE_HINTS.has(hint)) {
    throw refuse(`is a control vector for ${hint}, but this model is ${architecture}`);
  }
  const tensors = file.tensors();
  if (tensors.length === 0) throw refuse("is a control vector without directions");
  const directions = new Map<number, Float32Array<ArrayBuffer>>();
  using data = Deno.openSync(path);
  for (const tensor of tensors) {
    const layer = layerOf(tensor);
    if (layer === null) {
      throw refuse(`holds the tensor '${tensor.name}', where direction.1 and so on would be right`);
    }
    if (tensor.type !== GGML_TYPE.F32) {
      throw refuse(`is a control vector whose ${tensor.name} is not of 32-bit floats`);
    }
    if (tensor.shape.length !== 1 || tensor.shape[0] !== width) {
      throw refuse(
        `is a control vector for embeddings of ${tensor.shape.join(" by ")} values, but this ` +
          `model's have ${width}`,
      );
    }
    if (layer >= layers) {
      throw refuse(
        `is a control vector with a direction for layer ${layer}, but this model's last layer is ` +
          `${layers - 1}`,
      );
    }
    const values = readFloats(data, tensor);
    if (values === null) throw refuse("is truncated or damaged");
    directions.set(layer, values);
  }
  return { width, directions };
}

/** The layer that a tensor is the direction of; there is none for layer 0. */
function layerOf({ name }: FileTensor): number | null {
  const number = /^direction\.([1-9]\d{0,5})$/.exec(name)?.[1];
  return number === undefined ? null : Number(number);
}

/** A tensor's values; null where the file ends before them or they are no numbers. */
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

/** A control vector with how strongly it counts and, where not in all, in which layers. */
export interface WeightedVector {
  readonly vector: ControlVector;
  readonly scale: number;
  readonly layers: LayerRange | null;
}

/**
 * The sum of several control vectors as libllama takes it: values for all layers of the model but the
 * first, zeros where no vector has any. Rounded at each step as llama.cpp's programs do.
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
