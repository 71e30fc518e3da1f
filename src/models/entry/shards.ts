import { basename } from "node:path";
import type { SkippedFile } from "./entry.ts";
import { modelName, shardName } from "./names.ts";

/** Files grouped into models. */
export interface ShardGroups {
  /** One list of paths per model, shards in order. */
  readonly models: readonly (readonly string[])[];
  /** Shard sets with a missing shard. */
  readonly skipped: readonly SkippedFile[];
}

/**
 * Groups shards into models. A set with a missing shard is skipped; the reason names the missing
 * shard.
 */
export function groupShards(paths: readonly string[]): ShardGroups {
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
    else {
      skipped.push({
        path,
        name: modelName(path),
        kind: "shard",
        reason: `its shard ${basename(missing)} is missing`,
      });
    }
  }
  return { models, skipped };
}

/**
 * Paths of all shards of the model that a file belongs to. A file that is not a shard is the only
 * path.
 */
export function shardSet(path: string): readonly string[] {
  const shard = shardName(path);
  if (shard === null) return [path];
  return Array.from({ length: shard.count }, (_, i) => shard.path(i + 1));
}
