/** A machine with a hub and a registry to pull from, for tests of pulls. */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { ShimmyError } from "../../src/errors.ts";
import { createStore, type ModelStore, type PullEvent } from "../../src/models/pull/mod.ts";
import { HubDouble, sha256 } from "./hub.ts";

const REPOSITORY = "models--Owner--Tiny-GGUF";
export const BYTES = gguf(300_000);

/** Bytes that start like a model. */
export function gguf(size: number): Uint8Array<ArrayBuffer> {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
  const whole = new Uint8Array(size);
  for (let at = 0; at < size; at += bytes.length) whole.set(bytes.subarray(0, size - at), at);
  whole.set(new TextEncoder().encode("GGUF"));
  return whole;
}

/** A machine with a hub to pull from. */
export class PullMachine implements AsyncDisposable {
  readonly hub = new HubDouble();
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly env: Record<string, string> = this.hub.env(this.folder);
  readonly events: PullEvent[] = [];
  free: number | null = null;

  constructor() {
    this.hub.repositories.set("Owner/Tiny-GGUF", {
      files: {
        "README.md": new Uint8Array(9),
        "tiny-Q4_K_M.gguf": BYTES,
        "tiny-Q8_0.gguf": gguf(1_000),
      },
    });
  }

  /** Adds the repository `Owner/Seer-GGUF`, which has projectors. */
  addSeer(): void {
    this.hub.repositories.set("Owner/Seer-GGUF", {
      files: {
        "mmproj-BF16.gguf": gguf(600),
        "mmproj-F16.gguf": gguf(500),
        "seer-Q4_K_M.gguf": gguf(4_000),
        "seer-Q8_0.gguf": gguf(1_000),
      },
    });
  }

  get store(): ModelStore {
    return createStore({
      env: (name) => this.env[name],
      home: this.env.HOME,
      cacheFolder: () => this.path("cache"),
      freeSpace: () => Promise.resolve(this.free),
    });
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** A path in the repository's cache folder. */
  cached(...parts: string[]): string {
    return this.path("hf", "hub", REPOSITORY, ...parts);
  }

  async pull(reference: string, signal?: AbortSignal, sha256: string | null = null) {
    const { store } = this;
    return await store.pull(await store.plan(reference, { sha256, signal }), {
      signal,
      retryMs: 1,
      onEvent: (event) => this.events.push(event),
    });
  }

  async failure(reference: string, sha256: string | null = null): Promise<ShimmyError> {
    const error = await this.pull(reference, undefined, sha256).then(() => null, (error) => error);
    assert(error instanceof ShimmyError, `${error}`);
    return error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Compares checksums: a diff of long arrays is unreadable and takes minutes. */
export function assertHolds(path: string, bytes: Uint8Array): void {
  assertEquals(sha256(Deno.readFileSync(path)), sha256(bytes));
}

export function list(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}
