import { basename, dirname, join } from "@std/path";
import { removeIfThere } from "../../download/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../entry/mod.ts";
import { huggingFaceCache } from "../discovery/mod.ts";
import { doomedInCache, doomedInStore, isInside } from "./removal_plan.ts";
import type { PullSurroundings } from "./plan.ts";
import type { Records } from "./records.ts";

/** What removing a model takes, worked out before anything is removed. */
export interface Removal {
  /** Paths of the files that go. */
  readonly files: readonly string[];
  /** Bytes that are free afterwards. */
  readonly bytes: number;
  /** Whether Shimmy wrote what goes; where not, somebody else may need it. */
  readonly owned: boolean;
  readonly run: () => Promise<void>;
}

/**
 * Works out what removing a model takes: its files, in shared places those that nothing else there needs.
 *
 * @param asked the name it was called by: of a model with several tags in Ollama's store, one goes
 * @throws {ShimmyError} `invalid`, where the model is built in.
 */
export async function planRemoval(
  entry: ModelEntry,
  asked: string,
  surroundings: PullSurroundings,
  records: Records,
): Promise<Removal> {
  if (entry.source === "builtin") {
    throw new ShimmyError("invalid", `${entry.name} is built in and cannot be removed`);
  }
  const cache = huggingFaceCache(surroundings);
  const written = await ownPaths(records);
  const doomed = entry.source === "ollama"
    ? await doomedInStore(entry, asked)
    : cache !== null && isInside(entry.paths[0]!, cache)
    ? await doomedInCache(entry, cache, [...written.keys()])
    : { files: entry.paths, marks: entry.paths, afterwards: () => Promise.resolve() };
  const marks = await Promise.all(doomed.marks.map(ownName));
  const sizes = await Promise.all(doomed.files.map(ownSize));
  return {
    files: doomed.files,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    owned: marks.every((mark) => written.has(mark)),
    run: async () => {
      const names = await Promise.all(doomed.files.map(ownName));
      for (const path of doomed.files) await removeIfThere(path);
      await doomed.afterwards();
      // Records hold the paths as they were written.
      await records.forget(new Set(names.map((name) => written.get(name) ?? name)));
    },
  };
}

/** The paths that Shimmy wrote, by names that do not depend on links on the way. */
async function ownPaths(records: Records): Promise<ReadonlyMap<string, string>> {
  const paths = (await records.list()).flatMap((record) => record.written);
  const named = paths.map(async (path) => [await ownName(path), path] as const);
  return new Map(await Promise.all(named));
}

/** A path whose folders are real; a link at its end stays one. */
async function ownName(path: string): Promise<string> {
  const folder = await Deno.realPath(dirname(path)).catch(() => dirname(path));
  return join(folder, basename(path));
}

/** Bytes of a file itself; a link has next to none. */
async function ownSize(path: string): Promise<number> {
  const info = await Deno.lstat(path).catch(() => null);
  return info?.isFile ? info.size : 0;
}
