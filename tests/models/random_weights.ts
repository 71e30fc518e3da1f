/** Tensors with random weights, the same on every machine. */
import { xorshift } from "../../scripts/bench/gguf_writer.ts";
import type { GgufParts } from "./build_gguf.ts";

/** Distribution of a tensor's values. */
export type Spread =
  /** Around 0, so that a product preserves the length of a vector. */
  | "matrix"
  /** Around 1. */
  | "norm"
  /** Small values around 0. */
  | "bias"
  /** Between -1 and 1. */
  | "table"
  /** Between -1.5 and -0.5. */
  | "decay";

export interface RandomTensor {
  readonly name: string;
  /** Fastest dimension first, as in GGUF. */
  readonly shape: readonly number[];
  readonly spread: Spread;
}

/** A tensor with this distribution; its shape has the fastest dimension first. */
export function tensor(name: string, spread: Spread, ...shape: number[]): RandomTensor {
  return { name, shape, spread };
}

const ALIGNMENT = 32;

/** 32-bit floats of all tensors in the order of the GGUF file. */
export function randomWeights(
  tensors: readonly RandomTensor[],
  seed: number,
): Required<Pick<GgufParts, "tensors">> & { readonly weights: Uint8Array } {
  const random = xorshift(seed);
  const listed: { name: string; shape: readonly number[]; offset: number }[] = [];
  let offset = 0;
  for (const { name, shape } of tensors) {
    listed.push({ name, shape, offset });
    offset += Math.ceil(4 * elements(shape) / ALIGNMENT) * ALIGNMENT;
  }
  const weights = new Uint8Array(offset);
  const view = new DataView(weights.buffer);
  tensors.forEach(({ shape, spread }, index) => {
    const [middle, width] = rangeOf(spread, shape[0]!);
    for (let element = 0; element < elements(shape); element++) {
      const value = middle + (2 * (random() / 2 ** 32) - 1) * width;
      view.setFloat32(listed[index]!.offset + 4 * element, value, true);
    }
  });
  return { tensors: listed, weights };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * Mean and half-width. The variance of a uniform distribution is a third of the square of its
 * half-width.
 */
function rangeOf(spread: Spread, inputs: number): readonly [middle: number, width: number] {
  switch (spread) {
    case "matrix":
      return [0, Math.sqrt(3 / inputs)];
    case "norm":
      return [1, 0.25];
    case "bias":
      return [0, 0.1];
    case "table":
      return [0, 1];
    case "decay":
      return [-1, 0.5];
  }
}
