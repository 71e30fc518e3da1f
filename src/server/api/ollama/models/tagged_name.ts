import { ShimmyError } from "../../../../errors.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import type { ModelPool } from "../../../../models/registry/mod.ts";
import { type ResolvedModel, resolveModel } from "../../../answers/mod.ts";

const LATEST = ":latest";

/** A model's name as Ollama's clients show it: always with a tag. */
export function taggedName({ name }: ModelEntry): string {
  return name.slice(name.lastIndexOf("/") + 1).includes(":") ? name : `${name}${LATEST}`;
}

/**
 * The model a request names, with an adapter where the name has one.
 * @throws {ShimmyError} `not_found`.
 */
export async function resolveAdapted(pool: ModelPool, name: string): Promise<ResolvedModel> {
  return await resolveModel(pool, name, (base = name) => resolveTagged(pool, base));
}

/**
 * The model a request names; `:latest` may be there or not, whatever the model's own name has.
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
