import { checkSpace, download, type DownloadProgress } from "../../download/mod.ts";
import type { ModelEntry } from "../entry/mod.ts";
import {
  missingBytes,
  type PlannedFile,
  type PulledModel,
  type PullPlan,
  type PullSurroundings,
} from "./plan.ts";
import { Records } from "./records.ts";
import { parseReference, referenceText } from "./reference.ts";
import type { Removal } from "./removal.ts";

/** What happens while a model is pulled. */
export type PullEvent =
  | { readonly type: "file"; readonly file: PlannedFile; readonly progress: DownloadProgress }
  /** Every file is there; links and records are made. */
  | { readonly type: "finish" };

export interface PlanOptions {
  /** What a file from a URL must hash to, in hexadecimal. */
  readonly sha256?: string | null;
  readonly signal?: AbortSignal | undefined;
}

export interface PullOptions {
  /** Connections at once at most. @default {4} */
  readonly connections?: number | undefined;
  /** Milliseconds before a broken connection is tried again. */
  readonly retryMs?: number | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The models that can be fetched onto this machine and removed from it. */
export interface ModelStore {
  /**
   * What was pulled earlier under a reference, where all of it is still there; asks nobody.
   * @throws {ShimmyError} `invalid`, for what is no reference.
   */
  find(reference: string): Promise<PulledModel | null>;
  /**
   * Asks what pulling takes, and writes nothing.
   * @throws {ShimmyError} `invalid`, `not_found`, or `backend` with the reason.
   */
  plan(reference: string, options?: PlanOptions): Promise<PullPlan>;
  /**
   * Brings what a plan lacks. What is there of it stays when this fails or is cancelled, and the next
   * pull goes on from it.
   * @throws {ShimmyError} `backend` with the reason; `cancelled`.
   */
  pull(plan: PullPlan, options?: PullOptions): Promise<PulledModel>;
  /**
   * Works out what removing a model takes.
   * @param asked the name it was called by
   * @throws {ShimmyError} `invalid`, where it cannot be removed.
   */
  removal(entry: ModelEntry, asked: string): Promise<Removal>;
}

const CONNECTIONS = 4;

/** The models in the places that Shimmy shares with other tools, and in its own. */
export function createStore(surroundings: PullSurroundings): ModelStore {
  return new Store(surroundings);
}

class Store implements ModelStore {
  readonly #surroundings: PullSurroundings;
  readonly #records: Records;

  constructor(surroundings: PullSurroundings) {
    this.#surroundings = surroundings;
    this.#records = new Records(surroundings.cacheFolder);
  }

  async find(reference: string): Promise<PulledModel | null> {
    const record = await this.#records.find(referenceText(parseReference(reference)));
    const model = record?.model ?? null;
    if (model === null) return null;
    const there = model.paths.map((path) => Deno.stat(path).then(() => true, () => false));
    return (await Promise.all(there)).every(Boolean) ? model : null;
  }

  // Each kind is loaded when it is used: few who start Shimmy pull anything.
  async plan(text: string, { sha256 = null, signal }: PlanOptions = {}): Promise<PullPlan> {
    const reference = parseReference(text);
    switch (reference.kind) {
      case "hub": {
        const { planHub } = await import("./hub.ts");
        return await planHub(reference, this.#surroundings, signal);
      }
      case "ollama": {
        const { planOllama } = await import("./ollama.ts");
        return await planOllama(reference, this.#surroundings, signal);
      }
      case "url": {
        const { planUrl } = await import("./url.ts");
        return await planUrl(reference, this.#surroundings, this.#records, { sha256, signal });
      }
    }
  }

  async pull(plan: PullPlan, options: PullOptions = {}): Promise<PulledModel> {
    const missing = plan.files.filter((file) => !file.present);
    if (missing.length > 0) {
      const begun = await Promise.all(missing.map(({ part }) => allocated(part)));
      const needed = (missingBytes(plan) ?? 0) - begun.reduce((sum, bytes) => sum + bytes, 0);
      await checkSpace(missing[0]!.path, Math.max(0, needed), this.#surroundings.freeSpace);
    }
    const written: string[] = [];
    try {
      for (const file of missing) if (await this.#bring(file, options)) written.push(file.path);
      options.onEvent?.({ type: "finish" });
      const { model, written: more } = await plan.finish();
      written.push(...more);
      await this.#record(plan, model, written);
      return model;
    } catch (error) {
      // What came before the failure is Shimmy's all the same.
      await this.#record(plan, null, written);
      throw error;
    }
  }

  async removal(entry: ModelEntry, asked: string): Promise<Removal> {
    const { planRemoval } = await import("./removal.ts");
    return await planRemoval(entry, asked, this.#surroundings, this.#records);
  }

  /** Whether this call wrote the file. */
  async #bring(file: PlannedFile, options: PullOptions): Promise<boolean> {
    return await download({
      url: file.url,
      name: file.name,
      // Without a checksum, the size is what the server said a moment ago, and it decides.
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

/** Bytes of disk that a part takes already; holes in it take none. */
async function allocated(path: string): Promise<number> {
  const info = await Deno.stat(path).catch(() => null);
  if (info === null) return 0;
  return info.blocks === null ? 0 : Math.min(info.size, info.blocks * 512);
}
