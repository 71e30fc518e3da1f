import { resolve as resolvePath } from "@std/path";
import { ShimmyError } from "../../errors.ts";
import type { Engine } from "../../engine/mod.ts";
import type { LoadPlan } from "../../engine/planning/mod.ts";
import type { Say } from "../memory/mod.ts";
import type { Clock } from "./clock.ts";
import { type ModelConfig, withConfig } from "./configured.ts";
import { withSamplingDefaults } from "./defaults.ts";
import { candidateOf, describe, isModel } from "../discovery/mod.ts";
import {
  adapterName,
  type Discovery,
  findByName,
  type KeepAlive,
  looksLikePath,
  type Lora,
  type ModelEntry,
  nearestName,
  shardSet,
  type SkippedFile,
} from "../entry/mod.ts";
import { type LoadPolicy, Loads } from "./loader.ts";
import { KeptAdapters } from "./adapter_changes.ts";
import type { AdapterFile, Lease, ModelPool, ModelState } from "./pool.ts";
import { keyOf, type LoadEngine } from "./model_state.ts";

export interface PoolOptions {
  /** Looks at every place. */
  readonly discover: () => Promise<Discovery>;
  readonly load: LoadEngine;
  /** `held`: bytes that loaded models have on devices, by the devices' names. */
  readonly plan?: (
    entry: ModelEntry,
    held: ReadonlyMap<string, number>,
    signal: AbortSignal | undefined,
  ) => Promise<LoadPlan>;
  /** The default model's file: `--model-path` or `SHIMMY_BASE_GGUF`. */
  readonly base?: string | undefined;
  /** The default model's name among those that are found; it comes before `base`. */
  readonly preferred?: string | undefined;
  /** Adapters for the default model. */
  readonly loras: readonly Lora[];
  /**
   * Whether a path may name any file, or only those that were found. A server says `found`: its
   * clients are not to open files of their choice.
   */
  readonly paths: "any" | "found";
  /** What a configuration file says of models. */
  readonly config?: ModelConfig | undefined;
  /** When models are unloaded; without one, only when somebody asks for it. */
  readonly policy?: LoadPolicy | undefined;
  /** Hears what is unloaded and why, and what of the configuration has no effect. */
  readonly say?: Say | undefined;
  /** What makes two entries need two engines; the default is their files, adapters and settings. */
  readonly keyOf?: ((entry: ModelEntry) => string) | undefined;
  readonly clock?: Clock | undefined;
}

/** The pool, with what the command line shows of it. */
export interface Registry extends ModelPool, AsyncDisposable {
  /** What the last scan found. */
  discovery(): Promise<Discovery>;
  /**
   * The model that drafts, by its name or by the path of any file: the operator names it, no client.
   * @throws {ShimmyError} `backend`, without the name, which clients are not to see; it is in `detail`.
   */
  resolveDraft(name: string): Promise<ModelEntry>;
  /**
   * From now on another configuration and other rules hold. Answers that run end as they began; what
   * they leave loaded is unloaded where it no longer fits the configuration.
   */
  configure(config: ModelConfig | undefined, policy: LoadPolicy): Promise<void>;
}

/**
 * The models that were found and the engines of those that are loaded.
 *
 * Without a name, the default model answers: the base model where one is set, else the first language
 * model in the order of the places. The built-in model is the last, so it answers when there is no
 * other.
 */
export function createPool(options: PoolOptions): Registry {
  return new Pool(options);
}

/** A scan with its default model worked out. */
interface Scan {
  readonly discovery: Discovery;
  readonly entries: readonly ModelEntry[];
  readonly fallback: ModelEntry | undefined;
}

class Pool implements Registry {
  readonly #options: PoolOptions;
  readonly #loads: Loads;
  readonly #keyOf: (entry: ModelEntry) => string;
  readonly #kept = new KeptAdapters();
  #config: ModelConfig | undefined;
  #scan: Promise<Scan> | null = null;
  /** Models outside of the places, that were asked for by path. */
  readonly #opened = new Map<string, ModelEntry>();

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#keyOf = options.keyOf ?? keyOf;
    this.#loads = new Loads({ ...options, load: this.#load });
  }

  async discovery(): Promise<Discovery> {
    return (await this.#scanned()).discovery;
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
    return [...(await this.#scanned()).entries, ...this.#opened.values()];
  }

  async rescan(): Promise<readonly ModelEntry[]> {
    this.#scan = null;
    return await this.list();
  }

  async resolve(name: string | undefined): Promise<ModelEntry> {
    if (name === undefined) return await this.#default();
    const entries = await this.list();
    const found = findByName(entries, name) ?? await this.#open(name);
    if (found !== undefined) return found;
    const nearest = nearestName(entries.map((entry) => entry.name), name);
    throw new ShimmyError("not_found", `Model '${name}' not found`, {
      field: "model",
      ...(nearest === undefined ? {} : { detail: `The nearest name is '${nearest}'` }),
    });
  }

  async resolveDraft(name: string): Promise<ModelEntry> {
    const known = findByName(await this.list(), name);
    const found = known ?? (looksLikePath(name) ? await modelAt(name) : undefined);
    if (found !== undefined && isModel(found)) return found;
    const reason = found?.reason ?? "it was not found";
    throw new ShimmyError("backend", `The model of --draft cannot be used: ${reason}`, {
      detail: name,
    });
  }

  async engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine> {
    const engine = await this.#loads.engine(entry, signal);
    return withSamplingDefaults(engine, entry.settings);
  }

  async lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive): Promise<Lease> {
    const lease = await this.#loads.lease(entry, signal, keepAlive);
    return {
      engine: withSamplingDefaults(lease.engine, entry.settings),
      [Symbol.dispose]: () => lease[Symbol.dispose](),
    };
  }

  async configure(config: ModelConfig | undefined, policy: LoadPolicy): Promise<void> {
    this.#config = config;
    this.#loads.reconfigure(policy, await this.rescan());
  }

  async plan(entry: ModelEntry, signal?: AbortSignal): Promise<LoadPlan> {
    const { plan } = this.#options;
    if (plan === undefined) throw new ShimmyError("backend", "Loads cannot be planned here");
    return await plan(entry, this.#loads.onDevices, signal);
  }

  async unload(entry: ModelEntry): Promise<boolean> {
    const unloaded = await this.#loads.unload(entry);
    this.#kept.forget(this.#keyOf(entry));
    return unloaded;
  }

  state(entry: ModelEntry): ModelState {
    return this.#loads.state(entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loads[Symbol.asyncDispose]();
  }

  readonly #load: LoadEngine = async (entry, options) => {
    const engine = await this.#options.load(entry, options);
    try {
      await this.#kept.takeOver(this.#keyOf(entry), engine, this.#options.say ?? (() => {}));
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  };

  async #default(): Promise<ModelEntry> {
    const { fallback, discovery } = await this.#scanned();
    if (fallback !== undefined) return fallback;
    const { base, preferred } = this.#options;
    if (preferred !== undefined) {
      throw new ShimmyError("not_found", `Model '${preferred}' not found`, { field: "model" });
    }
    if (base === undefined) throw new ShimmyError("not_found", "No model was found");
    const path = resolvePath(base);
    const reason = discovery.skipped.find((file) => resolvePath(file.path) === path)?.reason;
    throw new ShimmyError("backend", `The base model cannot be used: ${reason ?? "not found"}`, {
      detail: path,
    });
  }

  /** A scan that fails is tried again by the next who asks. */
  async #scanned(): Promise<Scan> {
    const scan = this.#scan ??= this.#look();
    try {
      return await scan;
    } catch (error) {
      if (this.#scan === scan) this.#scan = null;
      throw error;
    }
  }

  async #look(): Promise<Scan> {
    const { base, loras, preferred, say = () => {} } = this.#options;
    const found = await this.#options.discover();
    const discovery = this.#config === undefined
      ? found
      : await withConfig(found, this.#config, say);
    const chosen = preferred !== undefined
      ? findByName(discovery.models, preferred)
      : base === undefined
      ? discovery.models.find((entry) => entry.kind === "language") ?? discovery.models[0]
      : findByName(discovery.models, resolvePath(base));
    if (chosen === undefined) return { discovery, entries: discovery.models, fallback: undefined };
    const fallback = { ...chosen, loras: [...chosen.loras, ...loras] };
    const entries = discovery.models.map((entry) => entry === chosen ? fallback : entry);
    return { discovery, entries, fallback };
  }

  /** The model in a file that no place holds. */
  async #open(name: string): Promise<ModelEntry | undefined> {
    if (this.#options.paths !== "any" || !looksLikePath(name)) return undefined;
    const described = await modelAt(name);
    const path = resolvePath(name);
    if (!isModel(described)) {
      throw new ShimmyError("not_found", `Model '${name}' cannot be used: ${described.reason}`, {
        field: "model",
        detail: path,
      });
    }
    this.#opened.set(path, described);
    return described;
  }
}

/** The model in a file, or what is there instead. */
async function modelAt(path: string): Promise<ModelEntry | SkippedFile> {
  return await describe(candidateOf(shardSet(resolvePath(path))), "path");
}
