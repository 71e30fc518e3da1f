import type { Engine, RunningSequence } from "../../engine/mod.ts";
import type { AdapterInfo, LoraChoice } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../../models/entry/mod.ts";
import type { AdapterFile, ModelPool } from "../../models/registry/mod.ts";

/** A model, and the adapter that its name asked for. */
export interface NamedModel {
  readonly entry: ModelEntry;
  readonly adapter: AdapterFile | null;
  /** The alias by which the model was requested; responses repeat it. */
  readonly alias?: string;
}

/** The name by which a model with its adapter is asked for. */
export function nameOf({ entry, adapter, alias = entry.name }: NamedModel): string {
  return adapter === null ? alias : `${alias}:${adapter.name}`;
}

/** The requested name as a field, if it is an alias of the model. */
function aliasOf({ aliases }: ModelEntry, name: string | undefined): { readonly alias?: string } {
  const isAlias = name !== undefined && aliases?.includes(name.toLowerCase());
  return isAlias ? { alias: name } : {};
}

/** What clients are told of an adapter that is loaded. */
export function adapterAs({ name, kind, scale, layers, digest }: AdapterInfo) {
  return {
    name,
    kind,
    scale,
    ...(layers === undefined ? {} : { layers: [...layers] as [number, number] }),
    digest,
  };
}

/**
 * The model a name means: `base:adapter` is the model `base` with an adapter, unless a model has that
 * very name, as those of Ollama's store do.
 *
 * @param find the model of a name without an adapter's; throws `not_found`.
 * @throws {ShimmyError} `not_found`
 */
export async function resolveNamed(
  pool: ModelPool,
  name: string | undefined,
  find: (name: string | undefined) => Promise<ModelEntry> = (base) => pool.resolve(base),
): Promise<NamedModel> {
  try {
    const entry = await find(name);
    return { entry, adapter: null, ...aliasOf(entry, name) };
  } catch (error) {
    const split = name?.lastIndexOf(":") ?? -1;
    if (name === undefined || split < 1 || !isNotFound(error)) throw error;
    const wanted = name.slice(split + 1).toLowerCase();
    const entry = await find(name.slice(0, split)).catch(() => null);
    const files = entry === null ? [] : await pool.adapters(entry);
    const adapter = files.find((file) => file.name === wanted);
    if (entry === null || adapter === undefined) throw error;
    return { entry, adapter, ...aliasOf(entry, name.slice(0, split)) };
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof ShimmyError && error.kind === "not_found";
}

/** Every model, each followed by itself with each of the adapters that it is configured with or that are loaded. */
export async function listNamed(pool: ModelPool): Promise<NamedModel[]> {
  const all = await Promise.all((await pool.list()).map(async (entry) => {
    const own = new Set(pool.state(entry).engine?.adapters.map(({ name }) => name));
    // Those it is configured with come first.
    const files = (await pool.adapters(entry))
      .filter(({ name }, at) => at < entry.loras.length || own.has(name));
    return [null, ...files].map((adapter) => ({ entry, adapter }));
  }));
  return all.flat();
}

/**
 * An engine for which requests may name any adapter there is: one that is not loaded is loaded for those
 * who name it, without touching what others get.
 *
 * @param files the adapters of its model.
 * @param chosen answers are computed with it alone, unless a request chooses others.
 * @throws {ShimmyError} `backend` where the chosen file is no adapter for the model.
 */
export async function withAdapters(
  engine: Engine,
  files: readonly AdapterFile[],
  chosen: AdapterFile | null,
): Promise<Engine> {
  const isLoaded = (name: string) => engine.adapters.some((adapter) => adapter.name === name);
  if (chosen !== null && !isLoaded(chosen.name)) {
    await engine.changeAdapters({ action: "ensure", ...chosen, scale: 0 });
  }
  const withFile = (choice: LoraChoice): LoraChoice => {
    const name = choice.name.toLowerCase();
    const path = files.find((file) => file.name === name)?.path;
    if (path === undefined && !isLoaded(name)) throw notFound(choice.name, files, engine);
    return { ...choice, path };
  };
  const completed = <R extends { readonly loras?: readonly LoraChoice[] | undefined }>(
    request: R,
  ) => {
    const loras = request.loras ?? (chosen === null ? undefined : [{ ...chosen, scale: 1 }]);
    return loras === undefined ? request : { ...request, loras: loras.map(withFile) };
  };
  return {
    info: engine.info,
    ...(engine.defaultSystem === undefined ? {} : { defaultSystem: engine.defaultSystem }),
    closed: engine.closed,
    get adapters() {
      return chosen === null ? engine.adapters : engine.adapters
        .filter(({ name }) => name === chosen.name).map((info) => ({ ...info, scale: 1 }));
    },
    generate: (request) => {
      try {
        return engine.generate(completed(request));
      } catch (error) {
        return failed(error);
      }
    },
    tokenize: (prompt, addSpecial) => engine.tokenize(prompt, addSpecial),
    detokenize: (tokens) => engine.detokenize(tokens),
    embed: async (request, signal) => await engine.embed(completed(request), signal),
    changeAdapters: (change) => engine.changeAdapters(change),
    status: () => engine.status(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** That there is no such adapter, with the names of those that there are. */
export function notFound(
  name: string,
  files: readonly AdapterFile[],
  engine: Pick<Engine, "adapters"> | null,
  field = "lora",
): ShimmyError {
  const names = new Set([...engine?.adapters ?? [], ...files].map((one) => one.name));
  const known = names.size === 0 ? "there is none" : `there are: ${[...names].sort().join(", ")}`;
  return new ShimmyError("not_found", `Adapter '${name}' not found; ${known}`, { field });
}

/** A sequence that ends before it begins. */
function failed(error: unknown): RunningSequence {
  return {
    control() {},
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
  };
}
