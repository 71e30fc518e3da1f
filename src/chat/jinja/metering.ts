import type { Interpreter } from "@huggingface/jinja";
import { BudgetError, spend } from "../../budget.ts";
import { itemsOf, membersOf, type RuntimeValue, textOf } from "./values.ts";

/** Maximum characters of a text that a template makes: no prompt of a model is that long. */
const MAX_TEXT = 32 * 1024 * 1024;
/** Maximum width of an indentation. */
const MAX_WIDTH = 64;
/** Characters of a new text that cost one step. An item of a new list costs one too. */
const CHARACTERS = 64;

/** Nodes whose values are not new: they cost one step. */
const REFERENCES: ReadonlySet<string> = new Set([
  "Identifier",
  "MemberExpression",
  "StringLiteral",
  "IntegerLiteral",
  "FloatLiteral",
]);

/** Makes an interpreter take each expression, and the size of each new value, from the budget. */
export function meter(interpreter: Interpreter): Interpreter {
  const { evaluate } = interpreter;
  interpreter.evaluate = (node, environment) => {
    spend(1);
    const value = evaluate.call(interpreter, node, environment);
    if (node !== undefined && !REFERENCES.has(node.type)) spendFor(value);
    return value;
  };
  return interpreter;
}

function spendFor({ value }: RuntimeValue): void {
  if (typeof value === "string") spendText(value.length);
  else if (Array.isArray(value)) spend(value.length);
  else if (value instanceof Map) spend(value.size);
}

/**
 * Takes the work on a text from the budget before the text is made.
 *
 * @throws {BudgetError} also for a text that is too long.
 */
function spendText(length: number): void {
  if (length > MAX_TEXT) {
    throw new BudgetError(`a text of ${length} characters is longer than ${MAX_TEXT}`);
  }
  if (length >= CHARACTERS) spend(Math.floor(length / CHARACTERS));
}

/**
 * The width of an indentation, which is written once per line and level.
 *
 * @throws {RangeError} if it is too large.
 */
export function checkedWidth(width: RuntimeValue): RuntimeValue {
  if (typeof width.value === "number" && !(width.value <= MAX_WIDTH)) {
    throw new RangeError(`an indentation of ${width.value} is wider than ${MAX_WIDTH}`);
  }
  return width;
}

/** A value that is written as text. Its parts are counted: a list may contain a part many times. */
export function counted(value: RuntimeValue): RuntimeValue {
  count(value);
  return value;
}

function count(value: RuntimeValue): void {
  spend(1);
  if (typeof value.value === "string") spendText(value.value.length);
  else for (const item of itemsOf(value) ?? membersOf(value)?.values() ?? []) count(item);
}

/** The texts of a list with a separator between them. */
export function joined(texts: readonly unknown[], separator: string): string {
  const length = texts.reduce<number>(
    (sum, text) => sum + separator.length + (typeof text === "string" ? text.length : 8),
    0,
  );
  spendText(length);
  return texts.join(separator);
}

/** Takes the result of `replace(text, old, new)` from the budget. */
export function spendReplacement([text, from, to]: readonly RuntimeValue[]): void {
  const [whole, old] = [textOf(text), textOf(from)];
  const matches = old === "" ? whole.length + 1 : whole.split(old).length - 1;
  spend(matches);
  spendText(whole.length + matches * textOf(to).length);
}
