import { ShimmyError } from "../../../../errors.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import type { ModelPool } from "../../../../models/registry/mod.ts";
import { type ResolvedModel, resolveModel } from "../../../answers/mod.ts";

const LATEST = ":latest";

/** The name of a model with a tag, as Ollama's clients show it. */
export function taggedName({ name }: Pick<ModelEntry, "name">): string {
  return name.slice(name.lastIndexOf("/") + 1).includes(":") ? name : `${name}${LATEST}`;
}

/**
 * Resolves a name with an optional tag and an optional adapter.
 * @throws {ShimmyError} `not_found`.
 */
export async function resolveModelName(pool: ModelPool, name: string): Promise<ResolvedModel> {
  return await resolveModel(pool, name, (base = name) => resolveTagged(pool, base));
}

/**
 * Resolves a name; `:latest` may be present or absent in the request and in the name of the model.
 * @throws {ShimmyError} `not_found`.
 */
export async function resolveTagged(pool: ModelPool, name: string): Promise<ModelEntry> {
  try {
    return await pool.resolve(name);
  } catch (error) {
    if (!(error instanceof ShimmyError) || error.kind !== "not_found") throw error;
    const other = name.endsWith(LATEST) ? name.slice(0, -LATEST.length) : `${name}${LATEST}`;
    try {
      return await pool.resolve(other);
    } catch {
      throw error;
    }
  }
}
