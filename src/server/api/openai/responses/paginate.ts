import { ShimmyError } from "../../../../errors.ts";

/** OpenAI's limits and default for pages of a list. */
const PAGE = { least: 1, most: 100, usual: 20 };

function invalid(field: string, message: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${message}`, { field });
}

/**
 * One page of a list by `after`, `limit` and `order` of a query: newest first unless `order` is `asc`.
 */
export function paginate<T extends { readonly id: string }>(
  items: readonly T[],
  query: URLSearchParams,
) {
  const limit = Number(query.get("limit") ?? PAGE.usual);
  if (!Number.isInteger(limit) || limit < PAGE.least || limit > PAGE.most) {
    throw invalid("limit", `must be a whole number from ${PAGE.least} to ${PAGE.most}`);
  }
  const order = query.get("order") ?? "desc";
  if (order !== "asc" && order !== "desc") throw invalid("order", "must be asc or desc");
  const ordered = order === "asc" ? items : items.toReversed();
  const after = query.get("after");
  const from = after === null ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
  if (after !== null && from === 0) throw invalid("after", "must be the id of an item in the list");
  const data = ordered.slice(from, from + limit);
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + limit < ordered.length,
  };
}
