import { STATUS_CODE } from "@std/http/status";
import { allowsModel, type KeyClaims, type Scope } from "../../access/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KeepAlive, ModelEntry } from "../../models/entry/mod.ts";
import type { ModelPool } from "../../models/registry/mod.ts";
import { HttpError } from "../http/mod.ts";

/** Scopes of routes that compute or manage. A key without them may read about models only. */
const LOADING_SCOPES: readonly Scope[] = ["chat", "embed", "admin"];

/**
 * The models of a pool that a key may use. All routes reach models through their context's pool, so this
 * is the only place that enforces the models of a key, and that a key which may only read loads none.
 */
export class LimitedPool implements ModelPool {
  readonly #inner: ModelPool;
  readonly #patterns: readonly string[] | undefined;
  readonly #mayLoad: boolean;

  constructor(inner: ModelPool, { models, scopes }: Pick<KeyClaims, "models" | "scopes">) {
    this.#inner = inner;
    this.#patterns = models;
    this.#mayLoad = mayLoad(scopes);
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

  async engine(entry: ModelEntry, signal?: AbortSignal) {
    const checked = this.#checked(entry);
    return this.#mayLoad ? await this.#inner.engine(checked, signal) : this.#loaded(checked);
  }

  plan(entry: ModelEntry, signal?: AbortSignal) {
    return this.#inner.plan(this.#checked(entry), signal);
  }

  /** A key that may only read gets a loaded model, and does not keep it loaded. */
  async lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive) {
    const checked = this.#checked(entry);
    return this.#mayLoad
      ? await this.#inner.lease(checked, signal, keepAlive)
      : { engine: this.#loaded(checked), [Symbol.dispose]: () => {} };
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
    return this.#patterns === undefined || allowsModel(this.#patterns, [name, ...aliases]);
  }

  /** @throws {HttpError} 403 for a model that is not loaded. */
  #loaded(entry: ModelEntry): Engine {
    const { engine } = this.#inner.state(entry);
    if (engine !== null) return engine;
    throw mayNotLoad(`model '${entry.name}'`);
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

function mayLoad(scopes: KeyClaims["scopes"]): boolean {
  return LOADING_SCOPES.some((scope) => scopes.includes(scope));
}

function mayNotLoad(what: string): HttpError {
  const message = `The ${what} is not loaded, and this key may not load it: ` +
    `that needs the scope ${LOADING_SCOPES.join(" or ")}`;
  return new HttpError(STATUS_CODE.Forbidden, message, { field: "model" });
}

/** @throws {HttpError} 403 for an adapter that is not loaded, if the key may only read about models. */
export function checkAdapter(
  key: Pick<KeyClaims, "scopes"> | null,
  { adapters }: Pick<Engine, "adapters">,
  name: string,
): void {
  if (key === null || mayLoad(key.scopes) || adapters.some((one) => one.name === name)) return;
  throw mayNotLoad(`adapter '${name}'`);
}

/** The pool of a key: limited to its models, if it names some, and to what is loaded, if it may only read. */
export function poolOf(pool: ModelPool, claims: KeyClaims): ModelPool {
  const isUnlimited = claims.models === undefined && mayLoad(claims.scopes);
  return isUnlimited ? pool : new LimitedPool(pool, claims);
}

/** The pool of all models, for what is kept for a whole server. */
export function wholePool(pool: ModelPool): ModelPool {
  return pool instanceof LimitedPool ? pool.whole : pool;
}
