import { basename } from "@std/path";
import type { SkippedFile } from "./entry.ts";
import { shardName } from "./names.ts";

/** Files gathered into models. */
export interface Gathered {
  /** One list of paths a model, shards in order. */
  readonly models: readonly (readonly string[])[];
  /** Sets of shards with one missing. */
  readonly skipped: readonly SkippedFile[];
}

/** Gathers shards into models; a set in which one is missing is skipped, naming it. */
export function gatherShards(paths: readonly string[]): Gathered {
  const models: (readonly string[])[] = [];
  const skipped: SkippedFile[] = [];
  const present = new Set(paths);
  const seen = new Set<string>();
  for (const path of paths) {
    const set = shardSet(path);
    const first = set[0]!;
    if (seen.has(first)) continue;
    seen.add(first);
    const missing = set.find((one) => !present.has(one));
    if (missing === undefined) models.push(set);
    else skipped.push({ path, kind: "shard", reason: `its shard ${basename(missing)} is missing` });
  }
  return { models, skipped };
}

/** The paths of all shards of the model a file belongs to; of a file that is no shard, itself. */
export function shardSet(path: string): readonly string[] {
  const shard = shardName(path);
  if (shard === null) return [path];
  return Array.from({ length: shard.count }, (_, i) => shard.path(i + 1));
}
