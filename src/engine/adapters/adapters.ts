import type { Context } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { AdaptedContext, type AdapterCombination, NO_ADAPTERS } from "./adapted_context.ts";
import {
  type AdapterResources,
  hashFile,
  loadAdapter,
  type LoadedAdapter,
} from "./adapter_file.ts";
import type {
  AdapterChange,
  AdapterInfo,
  AdapterSource,
  LayerRange,
  LoraChoice,
} from "../protocol/mod.ts";

/** A loaded adapter. */
interface Loaded {
  readonly name: string;
  readonly path: string;
  readonly identity: string;
  readonly adapter: LoadedAdapter;
  /** Scale for requests that choose no adapters. 0 leaves the adapter out. */
  scale: number;
  layers: LayerRange | null;
  /** Number of sequences and embedding requests that use the adapter. */
  users: number;
  /** Unloaded by name; freed when `users` is 0. */
  isUnloaded: boolean;
}

/** Adapters acquired for one sequence or embedding request; to be released. */
export interface AdapterSet extends AdapterCombination {
  readonly loaded: readonly Loaded[];
}

/**
 * LoRA adapters and control vectors of one model, which can be loaded, unloaded and rescaled while
 * the model runs. A sequence keeps the set that it acquired.
 */
export class Adapters {
  readonly #resources: AdapterResources;
  readonly #loaded = new Map<string, Loaded>();
  /** Contexts that have computed with adapters. */
  readonly #contexts = new Map<Context, AdaptedContext>();
  /** Increases with every change of the loaded adapters. */
  #revision = 0;

  constructor(resources: AdapterResources) {
    this.#resources = resources;
  }

  /**
   * Applies a set to a context of the model.
   * @throws {NativeError} if memory is insufficient.
   */
  apply(set: AdapterSet, context: Context): void {
    const known = this.#contexts.get(context);
    const adapted = known ?? new AdaptedContext(context, this.#resources.model);
    if (known === undefined) this.#contexts.set(context, adapted);
    adapted.apply(set);
  }

  /** Call before closing a context while the model stays loaded. */
  forget(context: Context): void {
    this.#contexts.delete(context);
  }

  /**
   * Loads the adapters of the load options.
   * @throws {ShimmyError} `backend` with the reason.
   */
  loadAll(sources: readonly AdapterSource[]): void {
    for (const source of sources) {
      const name = keyOf(source);
      const refuse = (why: string, cause?: unknown) =>
        new ShimmyError("backend", `Cannot load adapter '${name}': ${why}`, {
          detail: source.path,
          cause,
        });
      if (this.#loaded.has(name)) throw refuse("another adapter has the same name");
      try {
        this.#load(source);
      } catch (error) {
        // The adapters come from the load options, so the error is not the fault of a request.
        if (!(error instanceof ShimmyError) || error.kind !== "invalid") throw error;
        throw refuse(error.message, error);
      }
    }
  }

  get revision(): number {
    return this.#revision;
  }

  list(): AdapterInfo[] {
    return [...this.#loaded.values()].map((loaded) => ({
      name: loaded.name,
      kind: loaded.adapter.kind,
      scale: loaded.scale,
      ...(loaded.layers === null ? {} : { layers: loaded.layers }),
      path: loaded.path,
      digest: loaded.identity,
    }));
  }

  /** @throws {ShimmyError} with the reason; then nothing has changed. */
  change(change: AdapterChange): void {
    switch (change.action) {
      case "load":
        this.#load(change);
        return;
      case "ensure":
        if (!this.#loaded.has(keyOf(change))) this.#load(change);
        return;
      case "scale":
        return this.#rescale(this.#find(change.name, "name"), change);
      case "unload":
        this.#unload(this.#find(change.name, "name"));
    }
  }

  #load(source: AdapterSource): Loaded {
    const { path, scale, layers = null } = source;
    const name = keyOf(source);
    const known = this.#loaded.get(name);
    if (known?.path === path) {
      this.#rescale(known, source);
      return known;
    }
    if (known !== undefined) {
      throw new ShimmyError(
        "invalid",
        `name: adapter '${name}' is already loaded from another file`,
        {
          field: "name",
        },
      );
    }
    const adapter = loadAdapter(this.#resources, path);
    try {
      this.#checkLayers(adapter, layers);
      const identity = hashFile(path);
      const loaded = { name, path, identity, adapter, scale, layers, users: 0, isUnloaded: false };
      this.#loaded.set(name, loaded);
      this.#revision++;
      return loaded;
    } catch (error) {
      close(adapter);
      throw error;
    }
  }

  #rescale(
    loaded: Loaded,
    { scale, layers = null }: { scale: number; layers?: LayerRange | undefined | null },
  ): void {
    this.#checkLayers(loaded.adapter, layers);
    loaded.scale = scale;
    loaded.layers = layers ?? loaded.layers;
    this.#revision++;
  }

  #checkLayers({ kind }: LoadedAdapter, layers: LayerRange | null): void {
    if (layers === null) return;
    const refuse = (what: string) =>
      new ShimmyError("invalid", `layers: ${what}`, { field: "layers" });
    if (kind !== "control-vector") throw refuse("only a control vector can be limited to layers");
    const [first, last] = layers;
    const end = this.#resources.model.layers - 1;
    if (first < 1 || last < first || last > end) {
      throw refuse(`must be [first, last] with layers from 1 to ${end}`);
    }
  }

  #find(name: string, field: string): Loaded {
    const loaded = this.#loaded.get(name.toLowerCase());
    if (loaded !== undefined) return loaded;
    const names = [...this.#loaded.keys()].join(", ") || "none";
    throw new ShimmyError("not_found", `Adapter '${name}' not found; loaded: ${names}`, { field });
  }

  #unload(loaded: Loaded): void {
    this.#loaded.delete(loaded.name);
    loaded.isUnloaded = true;
    this.#revision++;
    this.#free(loaded);
  }

  #free({ isUnloaded, users, adapter }: Loaded): void {
    if (!isUnloaded || users > 0) return;
    // No context may have the adapter applied when it is freed.
    for (const context of this.#contexts.values()) context.apply(NO_ADAPTERS);
    close(adapter);
  }

  /**
   * Acquires the set for a request: the adapters it chose, else every adapter at its own scale.
   * Return the set with {@linkcode Adapters.release}.
   * @throws {ShimmyError} `not_found` for a name that is not loaded and has no file.
   */
  acquire(choice: readonly LoraChoice[] | undefined): AdapterSet {
    const wanted = choice === undefined
      ? [...this.#loaded.values()].map((loaded) => ({ loaded, scale: loaded.scale }))
      : this.#chosen(choice);
    const parts = wanted.filter(({ scale }) => scale !== 0)
      .map(({ loaded, scale }) => {
        const { adapter, identity, layers } = loaded;
        // The key holds file digests, not names: a name may later refer to another file.
        return { loaded, adapter, scale, layers, key: JSON.stringify([identity, scale, layers]) };
      })
      // Sort by key: the order of additions changes rounding.
      .sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
    for (const { loaded } of parts) loaded.users++;
    return {
      key: `[${parts.map(({ key }) => key).join()}]`,
      members: parts,
      loaded: parts.map(({ loaded }) => loaded),
    };
  }

  #chosen(choice: readonly LoraChoice[]) {
    const seen = new Set<Loaded>();
    return choice.map((one) => {
      const { name, path, scale } = one;
      const isKnown = path === undefined || this.#loaded.has(name.toLowerCase());
      const loaded = isKnown ? this.#find(name, "lora") : this.#load({ name, path, scale: 0 });
      if (seen.has(loaded)) {
        throw new ShimmyError("invalid", `lora: adapter '${name}' is named twice`, {
          field: "lora",
        });
      }
      seen.add(loaded);
      return { loaded, scale };
    });
  }

  release(set: AdapterSet): void {
    for (const loaded of set.loaded) {
      loaded.users--;
      this.#free(loaded);
    }
  }
}

function close(adapter: LoadedAdapter): void {
  if (adapter.kind === "lora") adapter.lora.close();
}

/** Key of an adapter: its name in lower case. */
function keyOf({ name, path }: AdapterSource): string {
  return (name ?? path.replace(/^.*[\\/]/, "").replace(/\.gguf$/i, "")).toLowerCase();
}
