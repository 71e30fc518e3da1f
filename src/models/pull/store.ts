import { checkSpace, download, type DownloadProgress } from "../../download/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { ollamaStore } from "../discovery/mod.ts";
import type { ModelEntry } from "../entry/mod.ts";
import type { Blob, Blobs, CreateRequest } from "../ollama_store/mod.ts";
import {
  missingBytes,
  type PlannedFile,
  type PulledModel,
  type PullEnvironment,
  type PullPlan,
} from "./plan.ts";
import { Records } from "./records.ts";
import { cachedHubModel, isHubOffline, offlineError, storedOllamaModel } from "./cached_model.ts";
import { type HubReference, parseReference, referenceText } from "./reference.ts";
import type { Removal } from "./removal.ts";

/** Progress of a pull. */
export type PullEvent =
  | { readonly type: "file"; readonly file: PlannedFile; readonly progress: DownloadProgress }
  /** All files are present. Links and records are being written. */
  | { readonly type: "finish" };

export interface PlanOptions {
  /** Expected SHA-256 of a file from a URL, in hexadecimal. */
  readonly sha256?: string | null;
  /**
   * Whether the projector of a model in a repository of the hub is pulled too. Models of Ollama's registry
   * always come with theirs.
   * @default {true}
   */
  readonly withProjector?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface PullOptions {
  /**
   * Maximum number of parallel connections.
   * @default {4}
   */
  readonly connections?: number | undefined;
  /** Milliseconds before a failed connection is retried. */
  readonly retryMs?: number | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Pulls and removes models. */
export interface ModelStore {
  /**
   * Finds the model of a reference whose files are all present: an earlier pull, or the file of
   * another tool in a shared cache. It makes no request.
   *
   * @throws {ShimmyError} `invalid` if the text is not a reference.
   */
  find(reference: string): Promise<PulledModel | null>;
  /**
   * Plans a pull. It sends requests and writes nothing.
   *
   * @throws {ShimmyError} `invalid`, `not_found`, or `backend` with the reason.
   */
  plan(reference: string, options?: PlanOptions): Promise<PullPlan>;
  /**
   * Downloads the missing files of a plan. Incomplete files stay after a failure or a cancellation,
   * and the next pull resumes them.
   *
   * @throws {ShimmyError} `backend` with the reason; `cancelled`.
   */
  pull(plan: PullPlan, options?: PullOptions): Promise<PulledModel>;
  /**
   * Plans the removal of a model.
   *
   * @param asked The name or tag to remove.
   * @throws {ShimmyError} `invalid` if the model cannot be removed.
   */
  removal(entry: ModelEntry, asked: string): Promise<Removal>;
  /** The names of those models that Shimmy wrote itself. */
  pulled(entries: readonly ModelEntry[]): Promise<ReadonlySet<string>>;
  /**
   * Creates a model in Ollama's store.
   *
   * @param onLayer receives each layer of the model.
   * @throws {ShimmyError} `invalid`, with the field.
   */
  create(request: CreateRequest, onLayer?: (layer: Blob) => void): Promise<PulledModel>;
  /** The blobs of Ollama's store. */
  blobs(): Promise<Blobs>;
}

const CONNECTIONS = 4;

/** Creates the store of this machine: caches shared with other tools, and Shimmy's own folder. */
export function createStore(environment: PullEnvironment): ModelStore {
  return new Store(environment);
}

class Store implements ModelStore {
  readonly #environment: PullEnvironment;
  readonly #records: Records;

  constructor(environment: PullEnvironment) {
    this.#environment = environment;
    this.#records = new Records(environment.cacheFolder);
  }

  async find(reference: string): Promise<PulledModel | null> {
    const parsed = parseReference(reference);
    const model = (await this.#records.find(referenceText(parsed)))?.model ?? null;
    if (model !== null) {
      const exist = model.paths.map((path) => Deno.stat(path).then(() => true, () => false));
      if ((await Promise.all(exist)).every(Boolean)) return model;
    }
    if (parsed.kind === "ollama") return await storedOllamaModel(parsed, this.#environment);
    // Without a quantization, the hub may have a better file than the cache.
    const isExact = parsed.kind === "hub" && (parsed.file ?? parsed.quantization) !== null;
    return isExact ? await cachedHubModel(parsed, this.#environment) : null;
  }

  // Each kind of source is imported on first use, because most commands pull nothing.
  async plan(text: string, options: PlanOptions = {}): Promise<PullPlan> {
    const { sha256 = null, withProjector = true, signal } = options;
    const reference = parseReference(text);
    switch (reference.kind) {
      case "hub":
        return await this.#planHub(reference, { withProjector, signal });
      case "ollama": {
        const { planOllama } = await import("./ollama.ts");
        return await planOllama(reference, this.#environment, signal);
      }
      case "url": {
        const { planUrl } = await import("./url.ts");
        return await planUrl(reference, this.#environment, this.#records, { sha256, signal });
      }
    }
  }

  /** Plans a pull from the hub. Without the hub, the cache serves. */
  async #planHub(
    reference: HubReference,
    options: { readonly withProjector: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<PullPlan> {
    const isOffline = isHubOffline(this.#environment.env);
    try {
      if (isOffline) throw offlineError(reference);
      const { planHub } = await import("./hub.ts");
      return await planHub(reference, this.#environment, options);
    } catch (error) {
      const isUnreachable = error instanceof ShimmyError && error.kind === "backend";
      if (!isOffline && !isUnreachable) throw error;
      const model = await cachedHubModel(reference, this.#environment);
      if (model === null) throw error;
      return presentPlan(referenceText(reference), model);
    }
  }

  async pull(plan: PullPlan, options: PullOptions = {}): Promise<PulledModel> {
    const missing = plan.files.filter((file) => !file.present);
    if (missing.length > 0) {
      const partialBytes = await Promise.all(missing.map(({ part }) => allocated(part)));
      const needed = (missingBytes(plan) ?? 0) -
        partialBytes.reduce((sum, bytes) => sum + bytes, 0);
      await checkSpace(missing[0]!.path, Math.max(0, needed), this.#environment.freeSpace);
    }
    const written: string[] = [];
    try {
      for (const file of missing) if (await this.#download(file, options)) written.push(file.path);
      options.onEvent?.({ type: "finish" });
      const { model, written: more } = await plan.finish();
      written.push(...more);
      await this.#record(plan, model, written);
      return model;
    } catch (error) {
      // Files from before the failure also belong to Shimmy.
      await this.#record(plan, null, written);
      throw error;
    }
  }

  async removal(entry: ModelEntry, asked: string): Promise<Removal> {
    const { planRemoval } = await import("./removal.ts");
    return await planRemoval(entry, asked, this.#environment, this.#records);
  }

  async pulled(entries: readonly ModelEntry[]): Promise<ReadonlySet<string>> {
    const { pulledModels } = await import("./removal.ts");
    return await pulledModels(entries, this.#environment, this.#records);
  }

  async create(request: CreateRequest, onLayer?: (layer: Blob) => void): Promise<PulledModel> {
    const { createModel } = await import("../ollama_store/create.ts");
    const created = await createModel(
      request,
      partsOf(request.name),
      this.#ollamaStore(),
      onLayer,
    );
    const { reference, name, paths, written } = created;
    await this.#records.add({ reference, model: { name, paths }, written });
    return { name, paths };
  }

  async blobs(): Promise<Blobs> {
    const { Blobs } = await import("../ollama_store/blobs.ts");
    return new Blobs(this.#ollamaStore());
  }

  #ollamaStore(): string {
    const store = ollamaStore(this.#environment);
    if (store !== null) return store;
    throw new ShimmyError("invalid", "OLLAMA_MODELS: must be set if there is no home folder");
  }

  /** Downloads a file. True if this call wrote it. */
  async #download(file: PlannedFile, options: PullOptions): Promise<boolean> {
    return await download({
      url: file.url,
      name: file.name,
      // Without a checksum the size is only the server's claim, and the download itself determines
      // it.
      size: file.sha256 === null ? null : file.size,
      sha256: file.sha256,
      path: file.path,
      part: file.part,
      lock: file.lock,
      authorization: file.authorization,
      explain: file.explain,
      connections: options.connections ?? CONNECTIONS,
      retryMs: options.retryMs,
      signal: options.signal,
      onProgress: (progress) => options.onEvent?.({ type: "file", file, progress }),
    });
  }

  async #record(
    { reference }: PullPlan,
    model: PulledModel | null,
    written: readonly string[],
  ): Promise<void> {
    if (written.length === 0 && model === null) return;
    await this.#records.add({ reference, model, written });
  }
}

/** A plan without downloads, for a model that is present. */
function presentPlan(reference: string, model: PulledModel): PullPlan {
  return {
    reference,
    from: "the cache",
    files: [],
    finish: () => Promise.resolve({ model, written: [] }),
  };
}

/** Host, namespace, model and tag of a name in Ollama's form. */
function partsOf(name: string): readonly string[] {
  try {
    const reference = parseReference(`ollama:${name}`);
    if (reference.kind === "ollama") {
      return [reference.host, reference.namespace, reference.model, reference.tag];
    }
  } catch {
    // The message of the reference speaks of a pull.
  }
  throw new ShimmyError("invalid", "invalid model name: must be [namespace/]name[:tag]", {
    field: "model",
  });
}

/** Bytes of disk that an incomplete file uses. Holes use none. */
async function allocated(path: string): Promise<number> {
  const info = await Deno.stat(path).catch(() => null);
  if (info === null) return 0;
  return info.blocks === null ? 0 : Math.min(info.size, info.blocks * 512);
}
