import { inTurns, type Scenario } from "../bench.ts";
import { decodeRate, stream } from "../client.ts";
import type { Column, Row } from "../report.ts";
import { TINY } from "../models.ts";

/** Enough structure for about a hundred tokens, every part of it bounded. */
const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 8, maxLength: 24 },
    age: { type: "integer", minimum: 0, maximum: 150 },
    active: { type: "boolean" },
    tags: { type: "array", items: { enum: ["red", "green", "blue"] }, minItems: 4, maxItems: 6 },
    address: {
      type: "object",
      properties: {
        street: { type: "string", minLength: 8, maxLength: 24 },
        city: { type: "string", minLength: 4, maxLength: 16 },
      },
      required: ["street", "city"],
      additionalProperties: false,
    },
  },
  required: ["name", "age", "active", "tags", "address"],
  additionalProperties: false,
};

/** What the built-in model writes by itself when it is asked for JSON. */
const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

/** JSON-schema answers against free ones. */
export const structured: Scenario = {
  number: 6,
  title: "JSON-schema answers against unconstrained ones",
  async run(bench) {
    const measure = async (what: string, model: string, prompt: string, schema: unknown) => {
      const settings = { parallel: 1, context: 512, unified: false };
      const values = await inTurns({ ...bench, model }, settings, async ({ url }) => {
        const ask = (more: Record<string, unknown>) =>
          stream(`${url}/v1/chat/completions`, {
            ...{ messages: [{ role: "user", content: prompt }], max_tokens: 128, temperature: 0 },
            ...more,
          });
        const format = {
          response_format: {
            type: "json_schema",
            json_schema: { name: "answer", schema, strict: true },
          },
        };
        await ask(format);
        const held = await ask(format);
        const free = await ask({ ignore_eos: true, max_tokens: Math.max(8, held.tokens) });
        const [constrained, unconstrained] = [decodeRate(held), decodeRate(free)];
        return { constrained, share: constrained / unconstrained };
      });
      return [
        row(`${what}: with a schema`, "tokens/s", values.get("constrained")),
        row(`${what}: against unconstrained`, "ratio", values.get("share")),
      ];
    };
    return [
      ...await measure("random model, which never agrees", bench.model, "some words", SCHEMA),
      ...await measure(
        "built-in model, which agrees",
        TINY,
        "Give me JSON for Alice, age 30.",
        PERSON,
      ),
    ];
  },
};

function row(what: string, unit: string, rounds: Partial<Record<Column, number[]>> = {}): Row {
  return { scenario: 6, what, unit, rounds };
}
