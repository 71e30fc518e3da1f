import { ShimmyError } from "../../errors.ts";
import type { ModelEntry } from "./entry.ts";
import { nearestName } from "./names.ts";

/** Maximum names in an error. */
const NAMES_LIMIT = 10;

/** Maximum length of a name that is compared and repeated. */
const LENGTH_LIMIT = 200;

/** The error for an unknown model name. It tells the nearest name and the names that exist. */
export function modelNotFound(entries: readonly ModelEntry[], asked: string): ShimmyError {
  const known = new Set(entries.flatMap(({ name, aliases = [] }) => [name, ...aliases]));
  const names = [...known];
  const isLong = asked.length > LENGTH_LIMIT;
  const shown = isLong ? `${asked.slice(0, LENGTH_LIMIT)}...` : asked;
  const nearest = isLong || names.length < 2 ? undefined : nearestName(names, asked);
  const rest = names.length - NAMES_LIMIT;
  const parts = [
    `Model '${shown}' not found`,
    ...(nearest === undefined ? [] : [`the nearest name is '${nearest}'`]),
    ...(names.length === 0 ? [] : [
      `available: ${names.slice(0, NAMES_LIMIT).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`,
    ]),
  ];
  return new ShimmyError("not_found", parts.join("; "), { field: "model" });
}
