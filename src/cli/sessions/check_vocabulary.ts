import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "../../models/entry/mod.ts";
import { repeatedToken } from "../../models/gguf/mod.ts";

/** Checks of vocabularies by model, so that a plan and the load after it read the file once. */
const checks = new WeakMap<ModelEntry, Promise<void>>();

/**
 * Refuses a model whose vocabulary has a token twice. libllama would end the process.
 *
 * @throws {ShimmyError} `backend`.
 */
export function checkVocabulary(entry: ModelEntry): Promise<void> {
  // The vocabulary of the built-in model is known to be valid.
  if (entry.source === "builtin") return Promise.resolve();
  const known = checks.get(entry);
  if (known !== undefined) return known;
  const check = refuseRepeated(entry);
  checks.set(entry, check);
  return check;
}

async function refuseRepeated({ name, paths }: ModelEntry): Promise<void> {
  const token = await repeatedToken(paths[0]!);
  if (token === null) return;
  throw new ShimmyError(
    "backend",
    `Cannot load model '${name}': its vocabulary contains the token ${JSON.stringify(token)} twice`,
    { detail: paths[0]! },
  );
}
