import type { Engine } from "../../engine/mod.ts";
import type { AdapterInfo, LoraChoice } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../../models/entry/mod.ts";
import type { AdapterFile, ModelPool } from "../../models/registry/mod.ts";

/** A model, and the adapter that was requested with it. */
export interface ResolvedModel {
  readonly entry: ModelEntry;
  readonly adapter: AdapterFile | null;
  /** The alias by which the model was requested; responses repeat it. */
  readonly alias?: string;
}

/** The name of a model with its adapter: `base:adapter`. */
export function qualifiedName({ entry, adapter, alias = entry.name }: ResolvedModel): string {
  return adapter === null ? alias : `${alias}:${adapter.name}`;
}

/** The requested name as a field, if it is an alias of the model. */
function aliasOf({ aliases }: ModelEntry, name: string | undefined): { readonly alias?: string } {
  const isAlias = name !== undefined && aliases?.includes(name.toLowerCase());
  return isAlias ? { alias: name } : {};
}

/** A loaded adapter in the spelling of the APIs. */
export function adapterJson({ name, kind, scale, layers, digest }: AdapterInfo) {
  return {
    name,
    kind,
    scale,
    ...(layers === undefined ? {} : { layers: [...layers] as [number, number] }),
    digest,
  };
}

/**
 * Resolves a model name. `base:adapter` is the model `base` with an adapter, unless a model has exactly
 * that name, as models of Ollama's store do. An unknown name is the model with the alias `*`, if there
 * is one.
 *
 * @param find resolves a name without an adapter; throws `not_found`.
 * @throws {ShimmyError} `not_found`
 */
export async function resolveModel(
  pool: ModelPool,
  name: string | undefined,
  find: (name: string | undefined) => Promise<ModelEntry> = (base) => pool.resolve(base),
): Promise<ResolvedModel> {
  try {
    const entry = await find(name);
    return { entry, adapter: null, ...aliasOf(entry, name) };
  } catch (error) {
    if (name === undefined || !isNotFound(error)) throw error;
    const combined = await resolveWithAdapter(pool, name, find);
    if (combined !== null) return combined;
    const entry = await pool.fallback();
    if (entry === undefined) throw error;
    return { entry, adapter: null, alias: name };
  }
}

/** Resolves `base:adapter`; null if there is no such model or adapter. */
async function resolveWithAdapter(
  pool: ModelPool,
  name: string,
  find: (name: string | undefined) => Promise<ModelEntry>,
): Promise<ResolvedModel | null> {
  const split = name.lastIndexOf(":");
  if (split < 1) return null;
  const wanted = name.slice(split + 1).toLowerCase();
  const entry = await find(name.slice(0, split)).catch(() => null);
  const files = entry === null ? [] : await pool.adapters(entry);
  const adapter = files.find((file) => file.name === wanted);
  if (entry === null || adapter === undefined) return null;
  return { entry, adapter, ...aliasOf(entry, name.slice(0, split)) };
}

/**
 * Resolves the model for a task that needs a kind of model. Without a name, the default model is used if
 * it is of that kind, or else the only model of that kind, or else the default model.
 *
 * @throws {ShimmyError} `not_found`
 */
export async function resolveForKind(
  pool: ModelPool,
  name: string | undefined,
  kind: ModelEntry["kind"],
): Promise<ResolvedModel> {
  const named = await resolveModel(pool, name);
  if (name !== undefined || named.entry.kind === kind) return named;
  const [only, ...others] = (await pool.list()).filter((entry) => entry.kind === kind);
  return only === undefined || others.length > 0 ? named : { entry: only, adapter: null };
}

function isNotFound(error: unknown): boolean {
  return error instanceof ShimmyError && error.kind === "not_found";
}

/** All models. Each is followed by its combinations with configured and loaded adapters. */
export async function listResolved(pool: ModelPool): Promise<ResolvedModel[]> {
  const all = await Promise.all((await pool.list()).map(async (entry) => {
    const own = new Set(pool.state(entry).engine?.adapters.map(({ name }) => name));
    // The configured adapters come first in the list.
    const files = (await pool.adapters(entry))
      .filter(({ name }, at) => at < entry.loras.length || own.has(name));
    return [null, ...files].map((adapter) => ({ entry, adapter }));
  }));
  return all.flat();
}

/**
 * An engine whose requests may name any adapter of the model. An adapter that is not loaded is loaded
 * with scale 0, so that other requests do not change.
 *
 * @param files the adapter files of the model.
 * @param chosen the adapter of requests that name none.
 * @throws {ShimmyError} `backend` when the chosen file is not an adapter for the model.
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
    if (path === undefined && !isLoaded(name)) throw adapterNotFound(choice.name, files, engine);
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
    ...(engine.defaultMessages === undefined ? {} : { defaultMessages: engine.defaultMessages }),
    ...(engine.defaultSampling === undefined ? {} : { defaultSampling: engine.defaultSampling }),
    ...(engine.defaultMaxTokens === undefined ? {} : { defaultMaxTokens: engine.defaultMaxTokens }),
    closed: engine.closed,
    get isResponding() {
      return engine.isResponding ?? true;
    },
    get adapters() {
      return chosen === null ? engine.adapters : engine.adapters
        .filter(({ name }) => name === chosen.name).map((info) => ({ ...info, scale: 1 }));
    },
    generate: (request, sink) => engine.generate(completed(request), sink),
    tokenize: (prompt, addSpecial) => engine.tokenize(prompt, addSpecial),
    countTokens: (prompt, addSpecial) => engine.countTokens(prompt, addSpecial),
    detokenize: (tokens) => engine.detokenize(tokens),
    pieces: (tokens) => engine.pieces(tokens),
    embed: async (request, signal) => await engine.embed(completed(request), signal),
    changeAdapters: (change) => engine.changeAdapters(change),
    changeSlot: (change) => engine.changeSlot(change),
    deleteSession: (session) => engine.deleteSession(session),
    status: () => engine.status(),
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}

/** The error for an unknown adapter; the message lists the known names. */
export function adapterNotFound(
  name: string,
  files: readonly AdapterFile[],
  engine: Pick<Engine, "adapters"> | null,
  field = "lora",
): ShimmyError {
  const names = new Set([...engine?.adapters ?? [], ...files].map((one) => one.name));
  const known = names.size === 0
    ? "the model has no adapters"
    : `available: ${[...names].sort().join(", ")}`;
  return new ShimmyError("not_found", `Adapter '${name}' not found; ${known}`, { field });
}
