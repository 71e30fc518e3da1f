import { basename, resolve } from "node:path";
import { describeFile, isModel } from "../../models/discovery/mod.ts";
import type { ModelEntry, ProjectorInput } from "../../models/entry/mod.ts";
import { type GlobalValues, UsageError } from "../options/mod.ts";

/** The projector of `--mmproj`. */
export interface NamedProjector {
  readonly path: string;
  /** Length of its embeddings, if its header tells. */
  readonly embeddingLength: number | undefined;
  /** What it has encoders for, if its header tells. */
  readonly reads: readonly ProjectorInput[] | undefined;
}

/** The options that name a projector, or forbid them. */
type ProjectorOptions = Pick<GlobalValues, "mmproj" | "no-mmproj">;

/**
 * Reads the header of the projector of `--mmproj`. Null without the option.
 *
 * @throws {UsageError} if the file is not a projector.
 */
export async function namedProjector(globals: ProjectorOptions): Promise<NamedProjector | null> {
  const { mmproj, "no-mmproj": isForbidden } = globals;
  if (mmproj === null || isForbidden) return null;
  const path = resolve(mmproj);
  const found = await describeFile(path, "path");
  if (!isModel(found) && found.kind === "projector") {
    return { path, embeddingLength: found.embeddingLength, reads: found.reads };
  }
  const reason = isModel(found) ? "it is a model, not a projector" : found.reason;
  throw new UsageError(`--mmproj: cannot use '${basename(path)}': ${reason}`);
}

/** A model with the projector of the options: none with `--no-mmproj`, or that of `--mmproj` if it fits. */
export function withNamedProjector(
  entry: ModelEntry,
  globals: ProjectorOptions,
  named: NamedProjector | null,
): ModelEntry {
  const { projector: _, projectorReads: __, ...text } = entry;
  if (globals["no-mmproj"]) return text;
  if (named === null || entry.kind !== "language") return entry;
  const { path, embeddingLength, reads } = named;
  const fits = embeddingLength === undefined || embeddingLength === entry.embeddingLength;
  if (!fits) return entry;
  return { ...text, projector: path, ...(reads === undefined ? {} : { projectorReads: reads }) };
}
