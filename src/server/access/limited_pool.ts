import { STATUS_CODE } from "@std/http/status";
import { allowsModel, type KeyClaims } from "../../access/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KeepAlive, ModelEntry } from "../../models/entry/mod.ts";
import type { ModelPool } from "../../models/registry/mod.ts";
import { HttpError } from "../http/mod.ts";

/**
 * The models of a pool that a key may use. All routes reach models through their context's pool, so this
 * is the only place that enforces the models of a key.
 */
export class LimitedPool implements ModelPool {
  readonly #inner: ModelPool;
  readonly #patterns: readonly string[];

  constructor(inner: ModelPool, patterns: readonly string[]) {
    this.#inner = inner;
    this.#patterns = patterns;
  }

  /** The pool of all models. */
  get whole(): ModelPool {
    return this.#inner;
  }

  async list(): Promise<readonly ModelEntry[]> {
    return (await this.#inner.list()).filter((entry) => this.#allows(entry));
  }

  async rescan(): Promise<readonly ModelEntry[]> {
    return (await this.#inner.rescan()).filter((entry) => this.#allows(entry));
  }

  async resolve(name: string | undefined): Promise<ModelEntry> {
    try {
      return this.#checked(await this.#inner.resolve(name), name);
    } catch (error) {
      if (!(error instanceof ShimmyError) || error.kind !== "not_found") throw error;
      // The message of the whole pool lists models that the key may not see.
      throw new ShimmyError("not_found", error.message.split(";")[0]!, {
        field: "model",
        cause: error,
      });
    }
  }

  async fallback(): Promise<ModelEntry | undefined> {
    const entry = await this.#inner.fallback();
    return entry !== undefined && this.#allows(entry) ? entry : undefined;
  }

  engine(entry: ModelEntry, signal?: AbortSignal) {
    return this.#inner.engine(this.#checked(entry), signal);
  }

  plan(entry: ModelEntry, signal?: AbortSignal) {
    return this.#inner.plan(this.#checked(entry), signal);
  }

  lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive) {
    return this.#inner.lease(this.#checked(entry), signal, keepAlive);
  }

  adapters(entry: ModelEntry) {
    return this.#inner.adapters(this.#checked(entry));
  }

  unload(entry: ModelEntry) {
    return this.#inner.unload(this.#checked(entry));
  }

  state(entry: ModelEntry) {
    return this.#inner.state(this.#checked(entry));
  }

  #allows({ name, aliases = [] }: ModelEntry): boolean {
    return allowsModel(this.#patterns, [name, ...aliases]);
  }

  /** @throws {HttpError} 403 for a model that the key may not use. */
  #checked(entry: ModelEntry, asked: string | undefined = entry.name): ModelEntry {
    if (this.#allows(entry)) return entry;
    throw new HttpError(
      STATUS_CODE.Forbidden,
      asked === undefined
        ? "This key may not use the default model; name a model that it may use"
        : `This key may not use the model '${asked}'`,
      { field: "model" },
    );
  }
}

/** The pool of a key: limited to its models, if it names some. */
export function poolOf(pool: ModelPool, { models }: KeyClaims): ModelPool {
  return models === undefined ? pool : new LimitedPool(pool, models);
}

/** The pool of all models, for what is kept for a whole server. */
export function wholePool(pool: ModelPool): ModelPool {
  return pool instanceof LimitedPool ? pool.whole : pool;
}
