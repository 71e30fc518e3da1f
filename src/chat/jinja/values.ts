import type { Environment } from "@huggingface/jinja";

/** A value of the library's interpreter: the name of a type and the wrapped value. */
export type RuntimeValue = ReturnType<Environment["lookupVariable"]>;

/** Creates values of the library's classes, which it does not export. */
export interface Values {
  readonly undefined: RuntimeValue;
  /** From a string, number, boolean or null. */
  of(value: string | number | boolean | null): RuntimeValue;
  array(items: readonly RuntimeValue[]): RuntimeValue;
  object(members: ReadonlyMap<string, RuntimeValue>): RuntimeValue;
  func(body: (args: readonly RuntimeValue[]) => RuntimeValue): RuntimeValue;
}

/** Gets the library's classes from one value of each. */
export function valuesOf(scratch: Environment): Values {
  const make = (value: unknown) => {
    const made = scratch.set("made", value);
    scratch.variables.delete("made");
    return made;
  };
  const classOf = (value: RuntimeValue) =>
    value.constructor as new (value: unknown) => RuntimeValue;
  const ArrayClass = classOf(make([]));
  const ObjectClass = classOf(make({}));
  const FunctionClass = classOf(make(() => null));
  return {
    undefined: make(undefined),
    of: make,
    array: (items) => new ArrayClass([...items]),
    object: (members) => new ObjectClass(new Map(members)),
    func: (body) => new FunctionClass(body),
  };
}

/** The items of a list or tuple; null for other values. */
export function itemsOf(value: RuntimeValue | undefined): RuntimeValue[] | null {
  return Array.isArray(value?.value) ? value.value : null;
}

/** The members of a mapping; null for other values. */
export function membersOf(value: RuntimeValue | undefined): Map<string, RuntimeValue> | null {
  return value?.value instanceof Map ? value.value : null;
}

/** A string argument, or a default if it is missing. */
export function textOf(value: RuntimeValue | undefined, otherwise = ""): string {
  return typeof value?.value === "string" ? value.value : otherwise;
}

/** Python's `str` of a value. Lists and dictionaries use the `repr` of their elements. */
export function pythonString(value: RuntimeValue): string {
  return typeof value.value === "string" ? value.value : pythonRepr(value);
}

function pythonRepr(value: RuntimeValue): string {
  const items = itemsOf(value);
  if (items !== null) return `[${items.map(pythonRepr).join(", ")}]`;
  const members = membersOf(value);
  if (members !== null) {
    return `{${
      [...members].map(([key, item]) => `${quote(key)}: ${pythonRepr(item)}`).join(", ")
    }}`;
  }
  switch (typeof value.value) {
    case "string":
      return quote(value.value);
    case "boolean":
      return value.value ? "True" : "False";
    case "number":
      return value.toString();
    default:
      return value.type === "UndefinedValue" ? "" : "None";
  }
}

function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll("\\", "\\\\").replaceAll(mark, `\\${mark}`)
    .replaceAll("\n", "\\n").replaceAll("\r", "\\r").replaceAll("\t", "\\t");
  return `${mark}${escaped}${mark}`;
}
