import { measureInterleaved, type Scenario } from "../bench.ts";
import { type Answer, stream } from "../client.ts";
import type { Column, Row } from "../report.ts";
import { TINY } from "../models.ts";

/** A schema for about a hundred tokens with every part bounded. */
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

/** The schema of what the built-in model writes when asked for JSON. */
const PERSON = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

/** Answers of a few milliseconds until the servers are as fast as they get. */
const TINY_WARM_UP = 150;

/** What a schema is measured with. */
interface Asked {
  readonly model: string;
  readonly prompt: string;
  readonly schema: unknown;
  /** Answers between the first ones and those that are measured. */
  readonly warmUp: number;
}

const SAMPLING = { max_tokens: 128, temperature: 0 };

function chat(content: string) {
  return { messages: [{ role: "user", content }] };
}

/**
 * The same conversation as text: the chat route of llama-server accepts no schema without a
 * template.
 */
function chatml(content: string) {
  return { prompt: `<|im_start|>user\n${content}<|im_end|>\n<|im_start|>assistant\n` };
}

function responseFormat(schema: unknown) {
  const json_schema = { name: "answer", schema, strict: true };
  return { response_format: { type: "json_schema", json_schema } };
}

/** Answers with a JSON schema compared with unconstrained ones. */
export const structured: Scenario = {
  number: 6,
  title: "JSON-schema answers against unconstrained ones",
  async run(bench) {
    const repeats = bench.quick ? 2 : 24;
    const measure = async (
      what: string,
      { model, prompt, schema, warmUp }: Asked,
    ): Promise<Row[]> => {
      const settings = { parallel: 1, context: 512, unified: false };
      const values = await measureInterleaved(
        { ...bench, model },
        settings,
        async ({ url, column }) => {
          const ask = (more: Record<string, unknown>) =>
            column === "shimmy"
              ? stream(`${url}/v1/chat/completions`, { ...chat(prompt), ...SAMPLING, ...more })
              : stream(`${url}/v1/completions`, { ...chatml(prompt), ...SAMPLING, ...more });
          const format = column === "shimmy" ? responseFormat(schema) : { json_schema: schema };
          const held = await ask(format);
          const free = { ignore_eos: true, max_tokens: Math.max(8, held.tokens) };
          const cold = await rate(repeats, () => ask(format));
          for (let count = 0; count < (bench.quick ? 0 : warmUp); count++) await ask(format);
          const constrained = await rate(repeats, () => ask(format));
          return { constrained, cold, share: constrained / await rate(repeats, () => ask(free)) };
        },
      );
      return [
        row(`${what}: with a schema`, "tokens/s", values.get("constrained")),
        row(`${what}: first answers after the start`, "tokens/s", values.get("cold")),
        row(`${what}: against unconstrained`, "ratio", values.get("share")),
      ];
    };
    return [
      ...await measure("random model, which never agrees", {
        ...{ model: bench.model, prompt: "some words", schema: SCHEMA, warmUp: 0 },
      }),
      ...await measure("built-in model, which agrees", {
        ...{ model: TINY, prompt: "Give me JSON for Alice, age 30.", schema: PERSON },
        warmUp: TINY_WARM_UP,
      }),
    ];
  },
};

/** Tokens per second over several successive answers, from request to last token. */
async function rate(repeats: number, ask: () => Promise<Answer>): Promise<number> {
  let [tokens, milliseconds] = [0, 0];
  for (let count = 0; count < repeats; count++) {
    const answer = await ask();
    tokens += answer.tokens;
    milliseconds += answer.times.at(-1)! - answer.sent;
  }
  return tokens / milliseconds * 1000;
}

function row(what: string, unit: string, rounds: Partial<Record<Column, number[]>> = {}): Row {
  return { scenario: 6, what, unit, rounds };
}
