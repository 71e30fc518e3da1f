import type { Engine } from "../engine/face.ts";
import type { LoraChoice } from "../engine/protocol.ts";
import { ShimmyError } from "../errors.ts";
import type { ModelEntry } from "../models/entry.ts";
import type { ModelPool } from "../models/pool.ts";

/** A model, and the adapter that its name asked for. */
export interface NamedModel {
  readonly entry: ModelEntry;
  readonly adapter: string | null;
}

/**
 * The model a name means: `base:adapter` is the model `base` with an adapter, unless a model has that
 * very name, as those of Ollama's store do.
 * @throws {ShimmyError} `not_found`
 */
export async function resolveNamed(pool: ModelPool, name: string | undefined): Promise<NamedModel> {
  try {
    return { entry: await pool.resolve(name), adapter: null };
  } catch (error) {
    const split = name?.lastIndexOf(":") ?? -1;
    if (name === undefined || split < 1 || !isNotFound(error)) throw error;
    const adapter = name.slice(split + 1).toLowerCase();
    if (!(await pool.adapters()).some((file) => file.name === adapter)) throw error;
    return { entry: await pool.resolve(name.slice(0, split)), adapter };
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof ShimmyError && error.kind === "not_found";
}

/**
 * An engine whose answers are computed with an adapter, unless a request chooses others. The adapter is
 * loaded if need be, without touching what other requests get.
 * @throws {ShimmyError} `backend` where the file is no adapter for the model.
 */
export async function withAdapter(
  engine: Engine,
  adapter: string,
  pool: ModelPool,
): Promise<Engine> {
  const { loras } = await engine.status();
  if (!loras.some(({ name }) => name === adapter)) {
    const file = (await pool.adapters()).find(({ name }) => name === adapter)!;
    await engine.changeAdapters({ action: "load", path: file.path, name: adapter, scale: 0 });
  }
  const chosen: readonly LoraChoice[] = [{ name: adapter, scale: 1 }];
  return {
    info: engine.info,
    closed: engine.closed,
    generate: (request) => engine.generate({ loras: chosen, ...request }),
    tokenize: (prompt, addSpecial) => engine.tokenize(prompt, addSpecial),
    detokenize: (tokens) => engine.detokenize(tokens),
    embed: (request) => engine.embed({ loras: chosen, ...request }),
    changeAdapters: (change) => engine.changeAdapters(change),
    status: () => engine.status(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
