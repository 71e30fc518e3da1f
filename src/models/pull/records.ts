import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { removeIfThere } from "../../download/mod.ts";
import { renameComplete } from "../../rename_complete.ts";
import type { PulledModel } from "./plan.ts";

/** Record of a pull. */
export interface PullRecord {
  readonly reference: string;
  /** `null` if only some files were downloaded. */
  readonly model: PulledModel | null;
  /** Paths of the files that Shimmy wrote. */
  readonly written: readonly string[];
  readonly pulledAt: string;
}

/**
 * Records of pulls, one file per reference, so that processes do not overwrite each other's
 * records.
 */
export class Records {
  readonly #cacheFolder: () => string;

  constructor(cacheFolder: () => string) {
    this.#cacheFolder = cacheFolder;
  }

  /** The record of a reference, or `null`. */
  async find(reference: string): Promise<PullRecord | null> {
    return await readRecord(await this.#path(reference));
  }

  async list(): Promise<PullRecord[]> {
    const folder = this.#folder();
    const records: PullRecord[] = [];
    try {
      for await (const { name } of Deno.readDir(folder)) {
        const record = name.endsWith(".json") ? await readRecord(join(folder, name)) : null;
        if (record !== null) records.push(record);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return records;
  }

  /**
   * Records the files that a pull wrote, in addition to those of earlier pulls of the reference.
   *
   * @param model `null` if the pull did not finish.
   */
  async add(
    { reference, model, written }: {
      readonly reference: string;
      readonly model: PulledModel | null;
      readonly written: readonly string[];
    },
  ): Promise<void> {
    const before = await this.find(reference);
    await this.#write({
      reference,
      model: model ?? before?.model ?? null,
      written: [...new Set([...before?.written ?? [], ...written])],
      pulledAt: new Date().toISOString(),
    });
  }

  /** Drops removed files from the records, and records without files. */
  async forget(paths: ReadonlySet<string>): Promise<void> {
    for (const record of await this.list()) {
      const written = record.written.filter((path) => !paths.has(path));
      if (written.length === record.written.length) continue;
      if (written.length === 0) await removeIfThere(await this.#path(record.reference));
      else await this.#write({ ...record, written });
    }
  }

  async #write(record: PullRecord): Promise<void> {
    await Deno.mkdir(this.#folder(), { recursive: true });
    const path = await this.#path(record.reference);
    const temporary = `${path}.${crypto.randomUUID()}.incomplete`;
    await Deno.writeTextFile(temporary, JSON.stringify(record, null, 1));
    await renameComplete(temporary, path);
  }

  #folder(): string {
    return join(this.#cacheFolder(), "pulled");
  }

  async #path(reference: string): Promise<string> {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(reference));
    return join(this.#folder(), `${encodeHex(digest).slice(0, 32)}.json`);
  }
}

async function readRecord(path: string): Promise<PullRecord | null> {
  try {
    const record: Partial<PullRecord> | null = JSON.parse(await Deno.readTextFile(path));
    const { reference, model = null, written, pulledAt = "" } = record ?? {};
    if (typeof reference !== "string" || !isTexts(written)) return null;
    if (model !== null && (typeof model.name !== "string" || !isTexts(model.paths))) return null;
    return { reference, model, written, pulledAt };
  } catch {
    return null;
  }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
