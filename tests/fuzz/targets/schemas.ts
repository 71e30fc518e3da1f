import * as fc from "test:fast-check";
import { editJson, type Json, type JsonEdit, jsonEdits } from "../mutation/json_edits.ts";
import type { Problem } from "../support/problem.ts";
import { ServerRunner } from "../support/server_runner.ts";
import { generate, record, startTinyServer } from "../support/tiny_server.ts";
import type { Target } from "../target.ts";

/** A JSON Schema as changes of a simple one. */
interface SchemaCase {
  readonly base: number;
  readonly edits: readonly JsonEdit[];
}

const text = { type: "string" };
const integer = { type: "integer" };

const BASES: readonly Json[] = [
  { type: "object", properties: { a: text, b: integer }, required: ["a"] },
  { type: "array", items: { anyOf: [text, { type: "null" }] }, minItems: 1, maxItems: 4 },
  { type: "string", pattern: "^[a-z]{2,8}-(one|two)+$" },
  { type: "string", format: "date-time", minLength: 2, maxLength: 40 },
  { type: ["integer", "null"], minimum: -5, exclusiveMaximum: 900, multipleOf: 5 },
  { enum: ["a", 1, null, { a: [] }] },
  {
    $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" }, n: integer } } },
    $ref: "#/$defs/node",
  },
  { allOf: [{ type: "object", properties: { a: text } }, { required: ["a"], minProperties: 1 }] },
  { oneOf: [{ const: "x" }, { type: "number", maximum: 3.5 }], not: { const: 2 } },
  { type: "object", additionalProperties: integer, patternProperties: { "^x": text } },
  { prefixItems: [text, integer], items: false, uniqueItems: true, contains: integer },
];

/** Keywords of JSON Schema and values for them. */
const KEYWORDS = [
  ...["type", "properties", "required", "additionalProperties", "patternProperties", "items"],
  ...["propertyNames", "minProperties", "maxProperties", "prefixItems", "contains", "minContains"],
  ...["minItems", "maxItems", "uniqueItems", "enum", "const", "anyOf", "oneOf", "allOf", "not"],
  ...["if", "then", "else", "$ref", "$defs", "definitions", "$dynamicRef", "$id", "$anchor"],
  ...["pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum"],
  ...["exclusiveMaximum", "multipleOf", "nullable", "dependentRequired", "dependentSchemas", "a"],
];

const VALUES: readonly Json[] = [
  ...["object", "array", "string", "integer", "number", "boolean", "null", ["string", "null"]],
  ...["#", "#/$defs/node", "#/$defs", "#/properties/a", "#/%", "http://a/b", "#/$defs/~2"],
  ...["^.*a.{9}0$", "(a*)*b", "(a|b|ab)*c", "\\p{L}+", "[^", "(?=a)b", "(?<n>a)\\k<n>", "a{1000}"],
  ...["(((a{1,9}){1,9}){1,9}){1,9}", "[\\s\\S]*", "^$", "\\u{1F600}", "(?i)a", "[a-\\d]", "\\b"],
  ...["date-time", "uuid", "ipv6", "regex", "email", "no-format"],
  ...BASES,
];

/** JSON schemas, as the constraint of an answer. */
export const schemas: Target = {
  name: "schemas",
  open: async () => new SchemaRunner(await startTinyServer()),
};

class SchemaRunner extends ServerRunner<SchemaCase> {
  readonly cases = record<SchemaCase>({
    base: fc.nat(BASES.length - 1),
    edits: jsonEdits(KEYWORDS, VALUES, 8),
  });

  async run({ base, edits }: SchemaCase): Promise<Problem | null> {
    const schema = editJson(BASES[base]!, edits);
    const body = { prompt: "Hi", max_tokens: 48, temperature: 1, seed: 1, json_schema: schema };
    return await generate(this.server, body, ({ status, text }) => {
      if (status !== 200) return null;
      const { response, finish_reason } = JSON.parse(text);
      if (schema === null || finish_reason !== "stop" || isJson(response)) return null;
      return { kind: "unexpected", message: `the answer is no JSON: ${response.slice(0, 200)}` };
    });
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
