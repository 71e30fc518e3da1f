import type { Tool } from "../../chat/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { patternMatcher } from "../../grammar/mod.ts";
import { rankByWords } from "./rank_by_words.ts";

/** How a tool search interprets its query. */
export type SearchKind = "regex" | "bm25";

/** Tools that one search loads at most, as many as Anthropic's search returns. */
const MOST_FOUND = 5;
/** Characters of a regular expression; Anthropic's limit. */
const MOST_PATTERN = 200;

/** The result of a search: names of tools, or why the query cannot be used. */
export type Found =
  | { readonly names: readonly string[] }
  | { readonly error: string };

/**
 * The texts of a tool that are searched: its name, its description, and the names and descriptions of
 * its arguments.
 */
function textsOf({ name, description, parameters }: Tool): string[] {
  const { properties } = (parameters ?? {}) as { readonly properties?: unknown };
  const args = typeof properties === "object" && properties !== null
    ? Object.entries(properties)
    : [];
  return [
    name,
    description ?? "",
    ...args.flatMap(([argument, schema]) => {
      const about = (schema as { readonly description?: unknown } | null)?.description;
      return [argument, typeof about === "string" ? about : ""];
    }),
  ];
}

/** Searches tools by a regular expression, or by the words of a query. */
export function findTools(kind: SearchKind, query: unknown, tools: readonly Tool[]): Found {
  if (typeof query !== "string" || query.trim() === "") {
    return { error: "query: must be a text that is not empty" };
  }
  if (kind === "bm25") {
    const documents = tools.map((tool) => textsOf(tool).join(" "));
    const ranked = rankByWords(query, documents).slice(0, MOST_FOUND);
    return { names: ranked.map((index) => tools[index]!.name) };
  }
  if (query.length > MOST_PATTERN) {
    return { error: `query: must have at most ${MOST_PATTERN} characters, not ${query.length}` };
  }
  try {
    const matches = patternMatcher(query);
    const found = tools.filter((tool) => textsOf(tool).some(matches));
    return { names: found.slice(0, MOST_FOUND).map(({ name }) => name) };
  } catch (error) {
    if (!(error instanceof ShimmyError)) throw error;
    return { error: `query: ${error.message}` };
  }
}
