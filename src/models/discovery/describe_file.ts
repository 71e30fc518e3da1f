import { dirname } from "node:path";
import {
  groupShards,
  type ModelEntry,
  shardSet,
  type SkippedFile,
  type SourceKind,
} from "../entry/mod.ts";
import { describe, isModel } from "./describe.ts";
import { isProjectorName, withProjector } from "./projectors.ts";
import { candidateOf, walk } from "./sources/mod.ts";

/**
 * Reads the model in a file outside of all sources, with the projector in the same folder. Of the other
 * files there, it reads the headers of those with the name of a projector.
 *
 * @param path any file of the model
 */
export async function describeFile(
  path: string,
  source: SourceKind,
): Promise<ModelEntry | SkippedFile> {
  const described = await describe(candidateOf(shardSet(path)), source);
  return isModel(described) ? await withProjectorBeside(described) : described;
}

async function withProjectorBeside(model: ModelEntry): Promise<ModelEntry> {
  const { files } = await walk(dirname(model.paths[0]!), 0);
  const named = files.filter(isProjectorName);
  if (named.length === 0) return model;
  const others = files.filter((path) => !named.includes(path));
  const models = groupShards(others).models.map(([first]) => first!);
  const read = await Promise.all(named.map((path) => describe(candidateOf([path]), model.source)));
  const skipped = read.filter((one): one is SkippedFile => !isModel(one));
  return withProjector(model, models, skipped);
}
