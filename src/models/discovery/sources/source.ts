import type { Lora, ModelSettings, OllamaLayer, SkippedFile, SourceKind } from "../../entry/mod.ts";

/** A location that is scanned for models. */
export interface ModelSource {
  readonly path: string;
  readonly kind: SourceKind;
  /** Lists the candidates in a stable order. */
  scan(): Promise<ScanResult>;
}

/** Result of scanning a source, before any file is opened. */
export interface ScanResult {
  /** False if the folder or file of the source does not exist. */
  readonly exists: boolean;
  readonly candidates: readonly Candidate[];
  readonly skipped: readonly SkippedFile[];
}

/** Files that may be one model. */
export interface Candidate {
  /** The model's file, or its shards in order. */
  readonly paths: readonly string[];
  readonly name: string;
  /** Distinguishes files of the same name: the folder or repository. */
  readonly qualifier: string;
  readonly loras?: readonly Lora[];
  readonly ollama?: Readonly<Partial<Record<OllamaLayer, string>>>;
  /** Settings that the source keeps with the model. */
  readonly settings?: ModelSettings;
}

/** The process environment that discovery depends on. Tests pass their own. */
export interface Environment {
  readonly env: (name: string) => string | undefined;
  /** The user's home folder, if known. */
  readonly home: string | undefined;
  readonly cwd: string;
  readonly os: typeof Deno.build.os;
}

/** Result of scanning a source that does not exist. */
export const MISSING_SOURCE: ScanResult = { exists: false, candidates: [], skipped: [] };

/** True if the path is an existing folder. */
export async function folderExists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
