import type { Environment, parse } from "@huggingface/jinja";
import { checkedWidth, counted } from "./metering.ts";
import { FILTERS, METHODS } from "./python.ts";
import { pythonString, type RuntimeValue, type Values } from "./values.ts";

/** A node of the library's syntax tree. */
interface Node {
  type: string;
  [field: string]: unknown;
}

/** Names, or their prefixes, of this file's functions in a template's environment. */
const FILTER = "__filter_";
const METHOD = "__method_";
const DICTIONARY = "__dictionary";
const WIDTH = "__width";
const COUNTED = "__counted";
const TEXT = "__text";

/** Filters of text, which Jinja applies to the text of any value; that of an undefined one is empty. */
const TEXT_FILTERS = new Set(["capitalize", "indent", "lower", "title", "trim", "upper"]);

/**
 * Rewrites a parsed template in place to support Python features that the library lacks: missing
 * filters and methods become calls of functions from {@linkcode setFunctions}, loops over undefined
 * values are empty, filters of text take any value, tuples can be unpacked, and dictionaries may have
 * numbers as keys.
 */
export function makeCompatible(program: ReturnType<typeof parse>): void {
  visit(program, new Set());
}

/** Defines the functions that rewritten templates call. */
export function setFunctions(environment: Environment, values: Values): void {
  for (const [prefix, table] of [[FILTER, FILTERS], [METHOD, METHODS]] as const) {
    for (const [name, body] of Object.entries(table)) {
      environment.setVariable(prefix + name, values.func((args) => body(args, values)));
    }
  }
  environment.setVariable(DICTIONARY, values.func((args) => dictionary(args, values)));
  environment.setVariable(WIDTH, values.func(([width]) => checkedWidth(width!)));
  environment.setVariable(COUNTED, values.func(([value]) => counted(value!)));
  const isText = (value: RuntimeValue) => typeof value.value === "string";
  const text = (value: RuntimeValue) => isText(value) ? value : values.of(pythonString(value));
  environment.setVariable(TEXT, values.func(([value]) => text(value!)));
}

function visit(value: unknown, seen: Set<unknown>): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value)) {
    for (const item of value) visit(item, seen);
  } else if (value instanceof Map) {
    for (const [key, item] of value) {
      visit(key, seen);
      visit(item, seen);
    }
  } else {
    for (const item of Object.values(value)) visit(item, seen);
    if (isNode(value)) rewrite(value);
  }
}

function isNode(value: object): value is Node {
  return "type" in value && typeof value.type === "string";
}

function rewrite(node: Node): void {
  switch (node.type) {
    case "For":
      rewriteLoop(node);
      break;
    case "FilterExpression":
      rewriteFilter(node);
      break;
    case "CallExpression":
      rewriteCall(node);
      break;
    case "ArrayLiteral":
      for (const item of node["value"] as Node[]) {
        if (item.type === "TupleLiteral") item.type = "ArrayLiteral";
      }
      break;
    case "ObjectLiteral":
      rewriteObject(node);
      break;
  }
}

function rewriteLoop(node: Node): void {
  const iterable = node["iterable"] as Node;
  if (iterable.type === "SelectExpression") iterable["lhs"] = orEmpty(iterable["lhs"] as Node);
  else node["iterable"] = orEmpty(iterable);
}

/** `node | default([], true)`. */
function orEmpty(operand: Node): Node {
  return {
    type: "FilterExpression",
    operand,
    filter: {
      type: "CallExpression",
      callee: { type: "Identifier", value: "default" },
      args: [{ type: "ArrayLiteral", value: [] }, { type: "Identifier", value: "true" }],
    },
  };
}

function rewriteFilter(node: Node): void {
  const filter = node["filter"] as Node;
  const call = filter.type === "CallExpression";
  const name = String((call ? filter["callee"] as Node : filter)["value"]);
  if (TEXT_FILTERS.has(name)) node["operand"] = callOf(TEXT, [node["operand"] as Node]);
  const operand = node["operand"] as Node;
  if (name === "selectattr" || name === "rejectattr" || name === "map") {
    node["operand"] = orEmpty(operand);
  } else if (Object.hasOwn(FILTERS, name)) {
    becomeCall(node, FILTER + name, [operand, ...(call ? filter["args"] as Node[] : [])]);
  } else if (name === "tojson" || name === "indent") {
    node["operand"] = callOf(COUNTED, [operand]);
    if (call) filter["args"] = (filter["args"] as Node[]).map(withCheckedWidth);
  }
}

/** An argument of `tojson` or `indent`, whose width is checked. */
function withCheckedWidth(argument: Node): Node {
  if (argument.type !== "KeywordArgumentExpression") return callOf(WIDTH, [argument]);
  const name = (argument["key"] as Node)["value"];
  if (name !== "indent" && name !== "width") return argument;
  return { ...argument, value: callOf(WIDTH, [argument["value"] as Node]) };
}

function rewriteCall(node: Node): void {
  const callee = node["callee"] as Node;
  if (callee.type !== "MemberExpression" || callee["computed"]) return;
  const name = String((callee["property"] as Node)["value"]);
  if (!Object.hasOwn(METHODS, name)) return;
  becomeCall(node, METHOD + name, [callee["object"] as Node, ...node["args"] as Node[]]);
}

function rewriteObject(node: Node): void {
  const members = node["value"] as Map<Node, Node>;
  if (![...members.keys()].some((key) => key.type === "IntegerLiteral")) return;
  becomeCall(node, DICTIONARY, [...members].flat());
}

function becomeCall(node: Node, name: string, args: Node[]): void {
  Object.assign(node, callOf(name, args));
}

function callOf(name: string, args: Node[]): Node {
  return { type: "CallExpression", callee: { type: "Identifier", value: name }, args };
}

/** A dictionary of alternating keys and values that keeps the type of its keys. */
function dictionary(args: readonly RuntimeValue[], values: Values): RuntimeValue {
  const pairs: (readonly [RuntimeValue, RuntimeValue])[] = [];
  for (let index = 0; index + 1 < args.length; index += 2) {
    pairs.push([args[index]!, args[index + 1]!]);
  }
  const keys = () => values.array(pairs.map(([key]) => key));
  const items = () => values.array(pairs.map((pair) => values.array(pair)));
  const sorted = () => {
    const inOrder = pairs.toSorted(([a], [b]) => Number(a.value) - Number(b.value));
    return values.array(inOrder.map((pair) => values.array(pair)));
  };
  const members = new Map(pairs.map(([key, value]) => [String(key.value), value]));
  const made = Object.assign(values.object(members), { keys, items });
  (made.builtins as Map<string, RuntimeValue>).set("dictsort", values.func(sorted));
  return made;
}
