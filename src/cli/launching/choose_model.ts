import { UsageError } from "../options/mod.ts";
import type { ListedModel } from "../client/mod.ts";

/** The parts of a model that decide. */
type Choosable = Pick<ListedModel, "name" | "state" | "kind" | "source">;

/** Names in a message. */
const MOST_NAMES = 10;

/**
 * The model that a client uses when the user names none: a loaded language model, else the only one of the
 * server. The built-in model, which is for tests, counts only when there is no other.
 *
 * @throws {UsageError} when the server has no language model, or several.
 */
export function chooseModel<M extends Choosable>(models: readonly M[]): M {
  const language = models.filter(({ kind }) => kind === "language");
  const loaded = language.filter(({ state }) => state === "loaded");
  const candidates = loaded.length > 0 ? loaded : language;
  const chosen = candidates.filter(({ source }) => source !== "builtin");
  const [first, second] = chosen.length > 0 ? chosen : candidates;
  if (first === undefined) throw new UsageError("--model: the server has no language model");
  if (second === undefined || loaded.length > 0) return first;
  const names = language.map(({ name }) => name);
  const rest = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : "";
  throw new UsageError(
    `--model: must be one of ${names.slice(0, MOST_NAMES).join(", ")}${rest}; none is loaded`,
  );
}
