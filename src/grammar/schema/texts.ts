import { chars, type Expr, NOTHING } from "../expression/mod.ts";
import type { SchemaDocument, SchemaNode } from "../document/mod.ts";
import {
  type Dfa,
  difference,
  everything,
  isEmptyLanguage,
  parsePattern,
  searchAutomaton,
} from "../regex/mod.ts";
import type { Rules } from "../rules/mod.ts";
import { Context } from "./context.ts";
import { automatonExpr, nameAutomaton } from "./strings.ts";

/** Maximum number of states of a text. Each becomes a rule. */
const MAX_TEXT_STATES = 1_000;

/** Maximum `maxLength` of a text. Each character needs a state for each character of the stop. */
const MAX_TEXT_LENGTH = 64;

/** Keywords of strings, the most expensive first. */
const KEYWORDS = ["maxLength", "minLength", "pattern", "format"];

/**
 * A string of a schema as text without quotation marks, up to `stop`, which is not a part of it.
 *
 * @throws {ShimmyError} `invalid` with the keyword if the text needs too many states.
 */
export function textExpr(
  document: SchemaDocument,
  rules: Rules,
  stop: string,
  hint: string,
): Expr {
  const context = new Context(document);
  const [node, keyword] = originOf(context, document);
  const bound = node[keyword];
  if (keyword === "maxLength" && typeof bound === "number" && bound > MAX_TEXT_LENGTH) {
    const reason = `a text without quotation marks is counted up to ${MAX_TEXT_LENGTH} characters`;
    throw document.unsupported(node, keyword, reason);
  }
  const language = nameAutomaton(context, [document.root]) ?? everything();
  const dfa: Dfa = context.buildAutomaton(
    node,
    keyword,
    () => difference(language, searchAutomaton(parsePattern(escaped(stop)))),
  );
  if (isEmptyLanguage(dfa)) return NOTHING;
  if (dfa.length > MAX_TEXT_STATES) {
    throw document.unsupported(node, keyword, `a text has at most ${MAX_TEXT_STATES} states`);
  }
  return automatonExpr(rules, dfa, hint, chars);
}

/** The node and the keyword that an error names. */
function originOf(context: Context, { root }: SchemaDocument): [SchemaNode, string] {
  const nodes = context.combinators.expand([root]).flatMap((alternative) => alternative.nodes);
  for (const keyword of KEYWORDS) {
    const node = nodes.find((one) => keyword in one);
    if (node !== undefined) return [node, keyword];
  }
  return [nodes[0] ?? {}, "type"];
}

/** A regular expression for a text. */
function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
