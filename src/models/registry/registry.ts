import { resolve as resolvePath } from "node:path";
import { ShimmyError } from "../../errors.ts";
import type { Engine } from "../../engine/mod.ts";
import type { LoadPlan } from "../../engine/planning/mod.ts";
import type { Log } from "../memory/mod.ts";
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { fallbackName, type ModelConfig, withConfig } from "./apply_config.ts";
import { withRequestDefaults } from "./sampling_defaults.ts";
import { describeFile, isModel } from "../discovery/mod.ts";
import {
  adapterName,
  type Discovery,
  findByName,
  type KeepAlive,
  looksLikePath,
  type Lora,
  type ModelEntry,
  modelNotFound,
  shardSet,
  type SkippedFile,
} from "../entry/mod.ts";
import type { LoadPolicy } from "./load_policy.ts";
import { ModelLoader } from "./loader.ts";
import { AdapterChanges } from "./adapter_changes.ts";
import type { AdapterFile, Lease, ModelPool, ModelState } from "./pool.ts";
import { engineKey, type LoadEngine } from "./model_instance.ts";
import { SharedPlans } from "./shared_plans.ts";

export interface PoolOptions {
  /** Scans all sources. */
  readonly discover: () => Promise<Discovery>;
  readonly load: LoadEngine;
  /** `onDevices`: bytes of loaded models on devices, by device name. */
  readonly plan?: (
    entry: ModelEntry,
    onDevices: ReadonlyMap<string, number>,
    signal: AbortSignal | undefined,
  ) => Promise<LoadPlan>;
  /** File of the default model: `--model-path` or `SHIMMY_BASE_GGUF`. */
  readonly base?: string | undefined;
  /** Name of the default model. It takes precedence over `base`. */
  readonly preferred?: string | undefined;
  /** Adapters of the default model. */
  readonly loras: readonly Lora[];
  /**
   * Whether requests may name any file by path, or only discovered files. A server uses `found`,
   * because clients must not open arbitrary files.
   */
  readonly paths: "any" | "found";
  /** Models of the configuration file. */
  readonly config?: ModelConfig | undefined;
  /** Gives a model the projector that options name, or takes its own. */
  readonly withProjector?: ((entry: ModelEntry) => ModelEntry) | undefined;
  /** When models are unloaded. Without a policy, models are unloaded only on request. */
  readonly policy?: LoadPolicy | undefined;
  /** Receives a line for each unload and for each ineffective setting. */
  readonly log?: Log | undefined;
  /** Returns the key of an entry's engine. The default is its files, adapters and settings. */
  readonly engineKey?: ((entry: ModelEntry) => string) | undefined;
  readonly clock?: Clock | undefined;
}

/** The model pool with additional methods for the command line. */
export interface Registry extends ModelPool, AsyncDisposable {
  /** Result of the last scan. */
  discovery(): Promise<Discovery>;
  /**
   * Returns the draft model by name or by the path of any file. The name comes from the operator,
   * not from a client.
   *
   * @throws {ShimmyError} `backend`. The name is in `detail` only, because clients must not see it.
   */
  resolveDraft(name: string): Promise<ModelEntry>;
  /**
   * Loads a model that no request has asked for yet, unless another model is loaded, loading or
   * unloading: a preload must not evict the model of a request. A model whose RPC workers do not answer is
   * loaded again when they do.
   *
   * @returns Null if the model was not loaded.
   */
  preload(entry: ModelEntry, signal?: AbortSignal): Promise<Engine | null>;
  /**
   * Applies another configuration and policy. Running requests are not affected. Loaded models that
   * no longer match the configuration are unloaded afterwards.
   */
  configure(config: ModelConfig | undefined, policy: LoadPolicy): Promise<void>;
}

/**
 * Creates the pool of discovered models and loaded engines.
 *
 * The default model is the base model if one is set, otherwise the first language model in source
 * order. The built-in model comes last.
 */
export function createPool(options: PoolOptions): Registry {
  return new Pool(options);
}

/** Time between two scans that unknown names cause. */
const RESCAN_MS = 5_000;

/** Result of a scan with the default model. */
interface Scan {
  readonly discovery: Discovery;
  readonly entries: readonly ModelEntry[];
  readonly defaultModel: ModelEntry | undefined;
}

class Pool implements Registry {
  readonly #options: PoolOptions;
  readonly #loader: ModelLoader;
  readonly #engineKey: (entry: ModelEntry) => string;
  readonly #plans = new SharedPlans();
  readonly #adapterChanges = new AdapterChanges();
  #config: ModelConfig | undefined;
  #scan: Promise<Scan> | null = null;
  /** When the last scan ended, by the clock. */
  #scannedAt = -Infinity;
  /** Models outside of all sources that were requested by path. */
  readonly #opened = new Map<string, ModelEntry>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#engineKey = options.engineKey ?? engineKey;
    this.#loader = new ModelLoader({ ...options, load: this.#load });
  }

  async discovery(): Promise<Discovery> {
    return (await this.#currentScan()).discovery;
  }

  async adapters({ loras }: ModelEntry): Promise<readonly AdapterFile[]> {
    const { skipped } = await this.discovery();
    const found = skipped.filter(({ kind }) => kind === "adapter");
    const files = [...loras, ...found].map((file) => ({
      name: adapterName(file),
      path: resolvePath(file.path),
    }));
    return files.filter(({ name }, at) => files.findIndex((one) => one.name === name) === at);
  }

  async list(): Promise<readonly ModelEntry[]> {
    const known = await this.#known();
    const names = new Set(known.map(({ name }) => name));
    const removed = this.#loader.loadedEntries().filter(({ name }) => !names.has(name));
    return [...known, ...removed.map((entry) => ({ ...entry, isRemoved: true }))];
  }

  /** The models whose files exist. */
  async #known(): Promise<readonly ModelEntry[]> {
    return [...(await this.#currentScan()).entries, ...this.#opened.values()];
  }

  async rescan(): Promise<readonly ModelEntry[]> {
    this.#scan = null;
    return await this.list();
  }

  async resolve(name: string | undefined): Promise<ModelEntry> {
    if (name === undefined) return await this.#default();
    const found = await this.#find(name) ?? await this.#findNew(name);
    if (found !== undefined) return found;
    await this.#refuseSkipped(name);
    throw modelNotFound(await this.list(), name);
  }

  async #find(name: string): Promise<ModelEntry | undefined> {
    return findByName(await this.list(), name) ?? await this.#open(name);
  }

  /** Searches again for a name that is not known: its file may have come after the last scan. */
  async #findNew(name: string): Promise<ModelEntry | undefined> {
    const { clock = SYSTEM_CLOCK } = this.#options;
    if (clock.now() - this.#scannedAt < RESCAN_MS) return undefined;
    await this.rescan();
    return await this.#find(name);
  }

  async fallback(): Promise<ModelEntry | undefined> {
    const name = this.#config === undefined ? undefined : fallbackName(this.#config);
    return name === undefined ? undefined : findByName(await this.list(), name);
  }

  async resolveDraft(name: string): Promise<ModelEntry> {
    const known = findByName(await this.list(), name);
    const found = known ?? (looksLikePath(name) ? await modelAt(name) : undefined);
    if (found !== undefined && isModel(found)) return found;
    const reason = found?.reason ?? "it was not found";
    throw new ShimmyError("backend", `Cannot use the model of --draft: ${reason}`, {
      detail: name,
    });
  }

  async engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine> {
    const engine = await this.#loader.engine(entry, signal);
    return withRequestDefaults(engine, entry.settings);
  }

  async preload(entry: ModelEntry, signal?: AbortSignal): Promise<Engine | null> {
    if (this.#loader.hasOther(entry)) return null;
    const engine = await this.#loader.preload(entry, signal);
    return withRequestDefaults(engine, entry.settings);
  }

  async lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive): Promise<Lease> {
    const lease = await this.#loader.lease(entry, signal, keepAlive);
    return {
      engine: withRequestDefaults(lease.engine, entry.settings),
      [Symbol.dispose]: () => lease[Symbol.dispose](),
    };
  }

  async configure(config: ModelConfig | undefined, policy: LoadPolicy): Promise<void> {
    this.#config = config;
    this.#scan = null;
    this.#loader.reconfigure(policy, await this.#known());
  }

  async plan(entry: ModelEntry, signal?: AbortSignal): Promise<LoadPlan> {
    const { plan } = this.#options;
    if (plan === undefined) throw new ShimmyError("backend", "Load planning is not available");
    return await this.#plans.get(
      this.#engineKey(entry),
      signal,
      (shared) => plan(entry, this.#loader.onDevices, shared),
    );
  }

  async unload(entry: ModelEntry): Promise<boolean> {
    const unloaded = await this.#loader.unload(entry);
    this.#adapterChanges.forget(this.#engineKey(entry));
    return unloaded;
  }

  state(entry: ModelEntry): ModelState {
    return this.#loader.state(entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader[Symbol.asyncDispose]();
  }

  readonly #load: LoadEngine = async (entry, options) => {
    const engine = await this.#options.load(entry, options);
    try {
      await this.#adapterChanges.restore(
        this.#engineKey(entry),
        engine,
        this.#options.log ?? (() => {}),
      );
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  };

  /** @throws {ShimmyError} `not_found` with the reason, if the name is that of an unusable model. */
  async #refuseSkipped(name: string): Promise<void> {
    const { skipped } = await this.discovery();
    const names = [name.toLowerCase(), `${name.toLowerCase()}:latest`];
    const found = skipped.find((file) =>
      file.name !== undefined && file.kind !== "adapter" && names.includes(file.name)
    );
    if (found === undefined) return;
    throw new ShimmyError("not_found", `Cannot use model '${name}': ${found.reason}`, {
      field: "model",
      detail: found.path,
    });
  }

  async #default(): Promise<ModelEntry> {
    const { defaultModel, discovery } = await this.#currentScan();
    if (defaultModel !== undefined) return defaultModel;
    const { base, preferred } = this.#options;
    if (preferred !== undefined) {
      throw new ShimmyError("not_found", `Model '${preferred}' not found`, { field: "model" });
    }
    if (base === undefined) throw new ShimmyError("not_found", "No model was found");
    const path = resolvePath(base);
    const files = shardSet(path);
    const reason = discovery.skipped.find((file) => files.includes(resolvePath(file.path)))?.reason;
    throw new ShimmyError("backend", `Cannot use the base model: ${reason ?? "not found"}`, {
      detail: path,
    });
  }

  /** Returns the last scan. A failed scan is repeated by the next call. */
  async #currentScan(): Promise<Scan> {
    const scan = this.#scan ??= this.#scanSources();
    try {
      return await scan;
    } catch (error) {
      if (this.#scan === scan) this.#scan = null;
      throw error;
    }
  }

  async #scanSources(): Promise<Scan> {
    const { base, loras, preferred, log = () => {} } = this.#options;
    const found = await this.#options.discover();
    this.#scannedAt = (this.#options.clock ?? SYSTEM_CLOCK).now();
    const configured = this.#config === undefined
      ? found
      : await withConfig(found, this.#config, log);
    const models = configured.models.map((entry) => this.#withProjector(entry));
    const discovery = { ...configured, models };
    const chosen = preferred !== undefined
      ? findByName(discovery.models, preferred)
      : base === undefined
      ? discovery.models.find((entry) => entry.kind === "language") ?? discovery.models[0]
      : findByName(discovery.models, resolvePath(base));
    if (chosen === undefined) {
      return { discovery, entries: discovery.models, defaultModel: undefined };
    }
    const defaultModel = { ...chosen, loras: [...chosen.loras, ...loras] };
    const entries = discovery.models.map((entry) => entry === chosen ? defaultModel : entry);
    return { discovery, entries, defaultModel };
  }

  #withProjector(entry: ModelEntry): ModelEntry {
    return this.#options.withProjector?.(entry) ?? entry;
  }

  /** Opens a model file outside of all sources. */
  async #open(name: string): Promise<ModelEntry | undefined> {
    if (this.#options.paths !== "any" || !looksLikePath(name)) return undefined;
    const described = await modelAt(name);
    const path = resolvePath(name);
    if (!isModel(described)) {
      throw new ShimmyError("not_found", `Cannot use model '${name}': ${described.reason}`, {
        field: "model",
        detail: path,
      });
    }
    const entry = this.#withProjector(described);
    this.#opened.set(path, entry);
    return entry;
  }
}

/** Reads the model in a file, or the reason why it is not a model. */
async function modelAt(path: string): Promise<ModelEntry | SkippedFile> {
  return await describeFile(resolvePath(path), "path");
}
