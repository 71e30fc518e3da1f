import type { Form } from "../../../http/mod.ts";

/** Fields of forms that are numbers or flags in JSON. */
const NUMBERS: ReadonlySet<string> = new Set(["temperature", "max_tokens"]);
const FLAGS: ReadonlySet<string> = new Set(["stream"]);

/** The fields of a form as in JSON. Values that are none stay texts, for the error. */
export function formValues(fields: Form["fields"]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, valueOf(name, value)]),
  );
}

function valueOf(name: string, value: string | readonly string[]): unknown {
  if (typeof value !== "string") return value;
  if (NUMBERS.has(name) && /^-?\d{1,20}(\.\d{1,20})?$/.test(value)) return Number(value);
  if (FLAGS.has(name) && (value === "true" || value === "false")) return value === "true";
  return value;
}
