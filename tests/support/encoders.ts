/** Engines with the tiny encoder models, for tests. */
import { join } from "node:path";
import { withFolder } from "../../ffi/testing.ts";
import { type IteratingEngine as Engine, loadEngine } from "./engine.ts";
import type { Embedding, EmbedRequest, LoadOptions } from "../../src/engine/protocol/mod.ts";
import { tinyOptions } from "./engine.ts";

/** Writes a model file, loads it and calls a function with its engine. */
export async function withModel(
  bytes: Uint8Array<ArrayBuffer>,
  use: (engine: Engine, path: string) => Promise<void>,
  changes: Partial<LoadOptions> = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "model.gguf");
    await Deno.writeFile(path, bytes);
    await using engine = await loadEngine(await tinyOptions({ modelPaths: [path], ...changes }));
    await use(engine, path);
  });
}

/** A request for unit-length embeddings of texts. */
export function texts(
  list: readonly string[],
  changes: Partial<EmbedRequest> = {},
): EmbedRequest {
  const inputs = list.map((text, index) => ({ field: `input[${index}]`, text }));
  return { inputs, normalize: true, ...changes };
}

/** Largest absolute difference of the values of two vectors. */
export function distance(one: ArrayLike<number>, other: ArrayLike<number>): number {
  if (one.length !== other.length) return Infinity;
  let most = 0;
  for (let i = 0; i < one.length; i++) {
    const difference = Math.abs(one[i]! - other[i]!);
    if (!(difference <= most)) most = difference;
  }
  return most;
}

/** Vectors of texts, each computed in a separate request. */
export async function embedSeparately(
  engine: Engine,
  list: readonly string[],
): Promise<Embedding[]> {
  const vectors: Embedding[] = [];
  for (const text of list) vectors.push((await engine.embed(texts([text]))).vectors[0]!);
  return vectors;
}
