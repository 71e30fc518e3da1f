import { joined, spendReplacement } from "./metering.ts";
import {
  itemsOf,
  membersOf,
  pythonString,
  type RuntimeValue,
  textOf,
  type Values,
} from "./values.ts";

/** A filter or method. The first argument is the value it is applied to. */
export type PythonFunction = (args: readonly RuntimeValue[], values: Values) => RuntimeValue;

/** Jinja filters that the library lacks, or supports only for another type. */
export const FILTERS: Readonly<Record<string, PythonFunction>> = {
  string: ([value], values) => values.of(pythonString(value!)),
  length: ([value], values) => values.of(lengthOf(value!)),
  count: ([value], values) => values.of(lengthOf(value!)),
  min: ([value], values) => extreme(itemsOf(value) ?? [], -1, values),
  max: ([value], values) => extreme(itemsOf(value) ?? [], 1, values),
  join: ([list, separator], values) => values.of(joined(textsOf(list!), separatorOf(separator))),
  replace,
};

/** Python methods that the library lacks, or supports only without arguments. */
export const METHODS: Readonly<Record<string, PythonFunction>> = {
  strip: ([text, characters], values) => values.of(strip(text, characters, true, true)),
  lstrip: ([text, characters], values) => values.of(strip(text, characters, true, false)),
  rstrip: ([text, characters], values) => values.of(strip(text, characters, false, true)),
  format: ([text, ...args], values) => values.of(format(textOf(text), args)),
  removeprefix: ([text, prefix], values) =>
    values.of(
      textOf(text).startsWith(textOf(prefix))
        ? textOf(text).slice(textOf(prefix).length)
        : textOf(text),
    ),
  removesuffix: ([text, suffix], values) =>
    values.of(
      textOf(suffix) !== "" && textOf(text).endsWith(textOf(suffix))
        ? textOf(text).slice(0, -textOf(suffix).length)
        : textOf(text),
    ),
  splitlines: ([text], values) =>
    values.array(
      textOf(text).replace(/\r?\n$/, "").split(/\r\n|\r|\n/).map((line) => values.of(line)),
    ),
  find: ([text, part], values) => values.of(textOf(text).indexOf(textOf(part))),
  count: ([text, part], values) => values.of(textOf(text).split(textOf(part)).length - 1),
  isdigit: ([text], values) => values.of(/^\d+$/.test(textOf(text))),
  join: ([text, list], values) =>
    values.of(joined((itemsOf(list) ?? []).map((item) => textOf(item)), textOf(text))),
  replace,
  append: ([list, item], values) => {
    itemsOf(list)?.push(item!);
    return values.of(null);
  },
  pop: ([container, key], values) => pop(container!, key) ?? values.undefined,
};

/** The library's `replace`, within the budget. */
function replace(args: readonly RuntimeValue[]): RuntimeValue {
  const [text, ...rest] = args;
  const builtin = (text?.builtins as Map<string, RuntimeValue> | undefined)?.get("replace");
  if (typeof builtin?.value !== "function") throw new Error("replace() needs a string");
  spendReplacement(args);
  return (builtin.value as (args: readonly RuntimeValue[]) => RuntimeValue)(rest);
}

/** The texts that `join` joins: items of a list, or characters of a string. */
function textsOf(value: RuntimeValue): readonly unknown[] {
  if (typeof value.value === "string") return Array.from(value.value);
  const items = itemsOf(value);
  if (items === null) throw new Error(`Cannot apply filter "join" to type: ${value.type}`);
  return items.map((item) => item.value);
}

/** The separator of `join`, given by position or by name. */
function separatorOf(argument: RuntimeValue | undefined): string {
  return textOf(membersOf(argument)?.get("separator") ?? argument);
}

function lengthOf(value: RuntimeValue): number {
  if (typeof value.value === "string") return Array.from(value.value).length;
  return itemsOf(value)?.length ?? membersOf(value)?.size ?? 0;
}

/** The smallest item for sign -1, the largest for 1. */
function extreme(items: readonly RuntimeValue[], sign: number, values: Values): RuntimeValue {
  const [first, ...rest] = items;
  if (first === undefined) return values.undefined;
  return rest.reduce((best, item) => sign * compare(item, best) > 0 ? item : best, first);
}

function compare(a: RuntimeValue, b: RuntimeValue): number {
  if (typeof a.value === "string" && typeof b.value === "string") {
    return a.value < b.value ? -1 : Number(a.value > b.value);
  }
  return Number(a.value) - Number(b.value);
}

function strip(
  text: RuntimeValue | undefined,
  characters: RuntimeValue | undefined,
  left: boolean,
  right: boolean,
): string {
  const all = Array.from(textOf(text));
  const set = typeof characters?.value === "string" ? new Set(characters.value) : null;
  const drops = (character: string) => set?.has(character) ?? /\s/.test(character);
  let start = 0;
  let end = all.length;
  while (left && start < end && drops(all[start]!)) start++;
  while (right && end > start && drops(all[end - 1]!)) end--;
  return all.slice(start, end).join("");
}

/** Python's `str.format` with empty, numbered and named fields. */
function format(text: string, args: readonly RuntimeValue[]): string {
  const last = args.at(-1);
  const named = last?.type === "KeywordArgumentsValue" ? membersOf(last) : null;
  let next = 0;
  return text.replace(/\{\{|\}\}|\{(\w*)\}/g, (match, field: string | undefined) => {
    if (match === "{{") return "{";
    if (match === "}}") return "}";
    const index = field === "" ? next++ : Number(field);
    const value = Number.isNaN(index) ? named?.get(field!) : args[index];
    if (value === undefined) throw new Error(`format() has no argument for ${match}`);
    return pythonString(value);
  });
}

function pop(container: RuntimeValue, key: RuntimeValue | undefined): RuntimeValue | undefined {
  const items = itemsOf(container);
  if (items !== null) {
    const index = typeof key?.value === "number" ? key.value : -1;
    return items.splice(index < 0 ? items.length + index : index, 1)[0];
  }
  const members = membersOf(container);
  const name = textOf(key);
  const value = members?.get(name);
  members?.delete(name);
  return value;
}
