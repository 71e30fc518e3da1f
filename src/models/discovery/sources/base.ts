import { dirname } from "node:path";
import { reasonOf } from "../../gguf/mod.ts";
import { shardSet } from "../../entry/mod.ts";
import { candidateOf, folderSource } from "./folder.ts";
import { MISSING_SOURCE, type ModelSource, type ScanResult } from "./source.ts";

/** The file of the default model, whatever its name. */
export function baseFileSource(file: string): ModelSource {
  return { path: file, kind: "base", scan: () => scan(file) };
}

async function scan(file: string): Promise<ScanResult> {
  try {
    await Deno.stat(file);
  } catch (error) {
    return {
      ...MISSING_SOURCE,
      skipped: [{ path: file, reason: reasonOf(error), kind: "broken" }],
    };
  }
  return { exists: true, candidates: [candidateOf(shardSet(file))], skipped: [] };
}

/**
 * The folder of the default model, without its subfolders. The file may be in a home or download
 * folder, which is too large to scan.
 */
export function baseFolderSource(file: string): ModelSource {
  return folderSource(dirname(file), "folder", 0);
}
