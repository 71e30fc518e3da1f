import type { Schema } from "./openapi.ts";

/** Values of fields that every user would replace by their own. */
const KNOWN: Readonly<Record<string, unknown>> = {
  role: "user",
  content: "Hello",
  prompt: "Hello",
  input: "Hello",
  text: "Hello",
  query: "Hello",
  max_tokens: 100,
};

/** Fields that are filled in although they are optional. */
const WANTED = ["model", "messages", "prompt"];

/** Depth at which a schema that contains itself ends. */
const MOST_DEPTH = 6;

/** A body that a schema accepts: its required fields, and the model. */
export function exampleBody(schema: Schema, model: string): unknown {
  return exampleOf(schema, "", model, 0);
}

function exampleOf(schema: Schema, name: string, model: string, depth: number): unknown {
  const one = choice(schema);
  if (one.const !== undefined) return one.const;
  if (takes(one, "string") && one.enum === undefined) {
    return name === "model" ? model : KNOWN[name] ?? "";
  }
  if (one.enum !== undefined) {
    return one.enum.includes(KNOWN[name]) ? KNOWN[name] : one.enum[0];
  }
  if (one.default !== undefined) return one.default;
  if (takes(one, "object") || one.properties !== undefined) return objectOf(one, model, depth);
  if (takes(one, "array")) {
    return one.items === undefined || depth >= MOST_DEPTH
      ? []
      : [exampleOf(one.items, name, model, depth + 1)];
  }
  if (takes(one, "boolean")) return false;
  if (takes(one, "integer") || takes(one, "number")) return KNOWN[name] ?? one.minimum ?? 1;
  return KNOWN[name] ?? null;
}

function objectOf({ properties = {}, required = [] }: Schema, model: string, depth: number) {
  if (depth >= MOST_DEPTH) return {};
  const asked = depth === 0 ? WANTED.filter((name) => name in properties) : [];
  // A conversation replaces the prompt.
  const isTalk = asked.includes("messages");
  const names = new Set([...asked.filter((name) => !isTalk || name !== "prompt"), ...required]);
  return Object.fromEntries(
    [...names].map((name) => [name, exampleOf(properties[name] ?? {}, name, model, depth + 1)]),
  );
}

/** The first form of a schema that is not null; text and messages of users before others. */
function choice(schema: Schema): Schema {
  const forms = schema.anyOf ?? schema.oneOf;
  if (forms === undefined) return schema;
  const valued = forms.filter(({ type }) => type !== "null");
  const first = valued.find((one) => takes(one, "string")) ?? valued.find(isUserMessage) ??
    valued[0];
  return first === undefined ? schema : choice(first);
}

function isUserMessage({ properties }: Schema): boolean {
  const role = properties?.role;
  return role?.const === KNOWN.role || (role?.enum?.includes(KNOWN.role) ?? false);
}

function takes({ type }: Schema, name: string): boolean {
  return type === name || (Array.isArray(type) && type.includes(name));
}
