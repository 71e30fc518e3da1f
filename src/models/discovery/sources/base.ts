import { dirname } from "@std/path";
import { reasonOf } from "../../gguf/mod.ts";
import { shardSet } from "../../entry/mod.ts";
import { candidateOf, folderPlace } from "./folder.ts";
import { type Finding, NOTHING, type Place } from "./source.ts";

/** The default model's own file, whatever its name. */
export function basePlace(file: string): Place {
  return { path: file, source: "base", look: () => look(file) };
}

async function look(file: string): Promise<Finding> {
  try {
    await Deno.stat(file);
  } catch (error) {
    return { ...NOTHING, skipped: [{ path: file, reason: reasonOf(error), kind: "broken" }] };
  }
  return { exists: true, candidates: [candidateOf(shardSet(file))], skipped: [] };
}

/**
 * The folder of the default model. The folders beneath it are not looked into: the file may lie
 * anywhere, and a home or download folder would be walked as a whole.
 */
export function baseFolderPlace(file: string): Place {
  return folderPlace(dirname(file), "folder", 0);
}
