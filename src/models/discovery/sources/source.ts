import type { Lora, ModelSource, OllamaLayer, SkippedFile } from "../../entry/mod.ts";

/** A place where models may lie. */
export interface Place {
  readonly path: string;
  readonly source: ModelSource;
  /** What lies there, in a stable order. */
  look(): Promise<Finding>;
}

/** What a place holds, before any file was opened. */
export interface Finding {
  /** False when there is no such place. */
  readonly exists: boolean;
  readonly candidates: readonly Candidate[];
  readonly skipped: readonly SkippedFile[];
}

/** Files that may be one model. */
export interface Candidate {
  /** The file, or the shards in order. */
  readonly paths: readonly string[];
  readonly name: string;
  /** Tells it from another file of the same name: the folder or repository it lies in. */
  readonly qualifier: string;
  readonly loras?: readonly Lora[];
  readonly ollama?: Readonly<Partial<Record<OllamaLayer, string>>>;
}

/** What the machine and the user give discovery to work with; tests give their own. */
export interface Surroundings {
  readonly env: (name: string) => string | undefined;
  /** The user's home folder, where it is known. */
  readonly home: string | undefined;
  readonly cwd: string;
  readonly os: typeof Deno.build.os;
}

/** What a place holds that is not there. */
export const NOTHING: Finding = { exists: false, candidates: [], skipped: [] };

/** True when the folder exists. */
export async function folderExists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
