import {
  type Context,
  type Library,
  type LoraAdapter,
  type Model,
  NativeError,
} from "../../ffi/mod.ts";
import { ShimmyError } from "../errors.ts";
import { explainAdapterFailure } from "./explain.ts";
import type { NativeGate } from "./gate.ts";
import type { AdapterChange, AdapterInfo, LoraChoice } from "./protocol.ts";

/** An adapter that is loaded. */
interface Loaded {
  readonly name: string;
  readonly path: string;
  /** Which file it was: its path, size and time. */
  readonly identity: string;
  readonly adapter: LoraAdapter;
  /** The scale for requests that choose none; 0 leaves it out. */
  scale: number;
  /** Sequences that are computed with it. */
  users: number;
  /** Unloaded, and freed when nobody uses it any more. */
  isGone: boolean;
}

/** The adapters that one sequence is computed with. */
export interface AdapterSet {
  /** The same for sets that compute the same. */
  readonly key: string;
  readonly members: readonly { readonly loaded: Loaded; readonly scale: number }[];
}

/** What adapters are loaded for. */
interface Bench {
  readonly library: Library;
  readonly model: Model;
  readonly gate: NativeGate;
}

/** The key of the set without members. */
const NO_ADAPTERS = "[]";

/**
 * LoRA adapters of one model: loaded, unloaded and rescaled while it runs. A sequence keeps the set it
 * began with; a context computes with one set at a time.
 */
export class Adapters {
  readonly #bench: Bench;
  readonly #loaded = new Map<string, Loaded>();
  /** The keys of the sets that contexts compute with now. */
  readonly #applied = new Map<Context, string>();

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  list(): AdapterInfo[] {
    return [...this.#loaded.values()].map(({ name, scale }) => ({ name, scale }));
  }

  /** @throws {ShimmyError} with a sentence that says what is wrong. */
  change(change: AdapterChange): void {
    switch (change.action) {
      case "load":
        return this.#load(change.path, change.name ?? nameOf(change.path), change.scale);
      case "scale":
        this.#find(change.name).scale = change.scale;
        return;
      case "unload":
        this.#unload(this.#find(change.name));
    }
  }

  #load(path: string, name: string, scale: number): void {
    const { library, model, gate } = this.#bench;
    const known = this.#loaded.get(name);
    if (known?.path === path) {
      known.scale = scale;
      return;
    }
    if (known !== undefined) {
      throw new ShimmyError("invalid", `name: an adapter '${name}' is loaded already`, {
        field: "name",
      });
    }
    try {
      const adapter = model.loadLora(path);
      const { size, mtime } = Deno.statSync(path);
      const identity = `${path} ${size} ${mtime?.getTime() ?? 0}`;
      this.#loaded.set(name, { name, path, identity, adapter, scale, users: 0, isGone: false });
    } catch (error) {
      if (!(error instanceof NativeError)) throw error;
      throw explainAdapterFailure(gate, library, model, path, name, error);
    }
  }

  #find(name: string): Loaded {
    const loaded = this.#loaded.get(name);
    if (loaded !== undefined) return loaded;
    const names = [...this.#loaded.keys()].join(", ") || "none";
    throw new ShimmyError("not_found", `Adapter '${name}' not found; loaded: ${names}`, {
      field: "lora",
    });
  }

  #unload(loaded: Loaded): void {
    this.#loaded.delete(loaded.name);
    loaded.isGone = true;
    this.#free(loaded);
  }

  #free(loaded: Loaded): void {
    if (!loaded.isGone || loaded.users > 0) return;
    // No context may compute with it when it is freed.
    for (const context of this.#applied.keys()) {
      this.apply({ key: NO_ADAPTERS, members: [] }, context);
    }
    loaded.adapter.close();
  }

  /**
   * The set for a sequence: what it chose, else every adapter at its own scale. Give it back with
   * {@linkcode Adapters.release}.
   * @throws {ShimmyError} `not_found` for a name that is not loaded.
   */
  take(choice: readonly LoraChoice[] | undefined): AdapterSet {
    const wanted = choice === undefined
      ? [...this.#loaded.values()].map((loaded) => ({ loaded, scale: loaded.scale }))
      : choice.map(({ name, scale }) => ({ loaded: this.#find(name), scale }));
    const members = wanted.filter(({ scale }) => scale !== 0);
    for (const { loaded } of members) loaded.users++;
    // Files and not names: a name may come to mean another file.
    const parts = members.map(({ loaded, scale }) => [loaded.identity, scale]).sort();
    return { key: JSON.stringify(parts), members };
  }

  release(set: AdapterSet): void {
    for (const { loaded } of set.members) {
      loaded.users--;
      this.#free(loaded);
    }
  }

  /** Makes a context compute with a set. */
  apply(set: AdapterSet, context: Context): void {
    if (set.key === (this.#applied.get(context) ?? NO_ADAPTERS)) return;
    context.setLoras(
      set.members.map(({ loaded, scale }) => ({ adapter: loaded.adapter, scale })),
    );
    this.#applied.set(context, set.key);
  }

  /** Call before a context is closed that goes before its model does. */
  forget(context: Context): void {
    this.#applied.delete(context);
  }
}

function nameOf(path: string): string {
  return path.replace(/^.*[\\/]/, "").replace(/\.gguf$/i, "").toLowerCase();
}
