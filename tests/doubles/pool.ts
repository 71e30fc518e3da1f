import type { Engine } from "../../src/engine/engine.ts";
import { ShimmyError } from "../../src/errors.ts";
import type { LoadPlan } from "../../src/engine/planning/load_plan.ts";
import type { ModelEntry } from "../../src/models/entry/entry.ts";
import type { KeepAlive } from "../../src/models/entry/keep_alive.ts";
import type { AdapterFile, Lease, ModelPool, ModelState } from "../../src/models/registry/pool.ts";

/** A model entry without a file, with the given values. */
export function entryDouble(name: string, values: Partial<ModelEntry> = {}): ModelEntry {
  return {
    name,
    paths: [`${name}.gguf`],
    size: 4,
    modified: 0,
    source: "folder",
    architecture: "double",
    quantization: "F32",
    parameters: 1,
    contextLength: 1024,
    embeddingLength: 4,
    chatTemplate: null,
    kind: "language",
    loras: [],
    ...values,
  };
}

/** A model of a {@linkcode PoolDouble}: the result of loading it, an engine or an error. */
export interface PoolDoubleModel {
  readonly entry: ModelEntry;
  readonly engine: Engine | ShimmyError;
}

/** A pool of given models. The first is the default. A model is unloaded until it is requested. */
export class PoolDouble implements ModelPool {
  /** Number of calls of `rescan`. */
  rescans = 0;
  readonly #models: readonly PoolDoubleModel[];
  /** Number of leases over all models. */
  leases = 0;
  readonly #states = new Map<string, ModelState>();

  constructor(...models: readonly PoolDoubleModel[]) {
    this.#models = models;
  }

  list(): Promise<readonly ModelEntry[]> {
    return Promise.resolve(this.#models.map(({ entry }) => entry));
  }

  rescan(): Promise<readonly ModelEntry[]> {
    this.rescans++;
    return this.list();
  }

  resolve(name: string | undefined): Promise<ModelEntry> {
    const found = name === undefined
      ? this.#models[0]
      : this.#models.find(({ entry }) => entry.name === name.toLowerCase());
    if (found !== undefined) return Promise.resolve(found.entry);
    const message = name === undefined ? "There is no model" : `Model '${name}' not found`;
    return Promise.reject(new ShimmyError("not_found", message, { field: "model" }));
  }

  fallback(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  engine(entry: ModelEntry, signal?: AbortSignal): Promise<Engine> {
    if (signal?.aborted) {
      return Promise.reject(new ShimmyError("cancelled", "The load was cancelled"));
    }
    const model = this.#models.find((candidate) => candidate.entry.name === entry.name);
    if (model === undefined) {
      return Promise.reject(new ShimmyError("not_found", `Model '${entry.name}' not found`));
    }
    if (model.engine instanceof ShimmyError) {
      const error = model.engine.message;
      this.#states.set(entry.name, { state: "failed", progress: 0, error, engine: null });
      return Promise.reject(model.engine);
    }
    const { engine } = model;
    this.#states.set(entry.name, { state: "loaded", progress: 1, error: null, engine });
    return Promise.resolve(engine);
  }

  /** The adapters of the model, and one named `pirate`. */
  adapters({ loras }: ModelEntry): Promise<readonly AdapterFile[]> {
    const own = loras.map(({ name = "", path }) => ({ name, path }));
    return Promise.resolve([...own, { name: "pirate", path: "/models/pirate.gguf" }]);
  }

  /** A plan with everything on a CPU with enough memory. */
  plan(entry: ModelEntry): Promise<LoadPlan> {
    return Promise.resolve({
      fits: true,
      layers: 2,
      offloadedLayers: 0,
      contextLength: entry.contextLength ?? 0,
      parallel: 1,
      shape: {
        length: entry.contextLength ?? 0,
        sequences: 1,
        unified: false,
        cells: entry.contextLength ?? 0,
        swaFull: true,
        kvBytes: 8,
        reason: "One sequence",
      },
      memory: "attention",
      slidingBytes: null,
      devices: [{
        device: "CPU",
        kind: "cpu",
        memory: "CPU",
        layers: 2,
        weightBytes: entry.size,
        kvBytes: 8,
        computeBytes: 16,
        memoryFree: 1024,
        memoryTotal: 2048,
        memoryReserved: 0,
        cacheBytes: 32,
      }],
      expertBytes: 0,
      savedBytes: 0,
      notes: [],
    });
  }

  /** Unloads with the last lease if `keepAlive` is 0; other times never elapse. */
  async lease(entry: ModelEntry, signal?: AbortSignal, keepAlive?: KeepAlive): Promise<Lease> {
    const engine = await this.engine(entry, signal);
    this.leases++;
    return {
      engine,
      [Symbol.dispose]: () => {
        this.leases--;
        if (keepAlive === 0 && this.leases === 0) this.#states.delete(entry.name);
      },
    };
  }

  unload(entry: ModelEntry): Promise<boolean> {
    const loaded = this.state(entry).state === "loaded";
    this.#states.delete(entry.name);
    return Promise.resolve(loaded);
  }

  state(entry: ModelEntry): ModelState {
    return this.#states.get(entry.name) ??
      { state: "unloaded", progress: 0, error: null, engine: null };
  }
}
