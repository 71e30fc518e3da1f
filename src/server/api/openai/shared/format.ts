import * as z from "zod";
import type { Format } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { boolean, jsonObject, rejected, text } from "./fields.ts";

const NO_STRUCTURAL_TAGS = "structural tags are not supported; use tools, json_schema or a grammar";

function formatError({ input }: { readonly input?: unknown }): string {
  return Object(input).type === "structural_tag"
    ? NO_STRUCTURAL_TAGS
    : "must be an object whose type is text, json_object or json_schema";
}

const schemaFields = {
  name: text.nullish().describe("Accepted; only the schema applies"),
  description: text.nullish().describe("Accepted; only the schema applies"),
  schema: jsonObject.nullish().describe("Default: any JSON object"),
  strict: boolean.nullish()
    .describe(
      "The schema always applies, and schemas that cannot be enforced are refused",
    ),
};

const besideType = jsonObject.nullish().describe("The schema in llama-server's form");

/** `response_format` of chat completions and completions. */
export const responseFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object"), schema: besideType }),
  z.strictObject({
    type: z.literal("json_schema"),
    json_schema: z.strictObject(schemaFields).nullish(),
    schema: besideType,
  }),
], { error: formatError });

/** `text.format` of responses: `response_format` with the fields of the schema beside the type. */
export const textFormat = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("text") }),
  z.strictObject({ type: z.literal("json_object") }),
  z.strictObject({ type: z.literal("json_schema"), ...schemaFields }),
], { error: formatError });

const SCHEMA_ERROR = "must be a JSON Schema: an object, or its JSON text";
const schemaOrText = z.union([z.string(), jsonObject], { error: SCHEMA_ERROR });

/** Maximum texts of a choice; the grammar has an alternative for each. */
const CHOICES_LIMIT = 1000;
const CHOICE_ERROR = `must be a list of 1 to ${CHOICES_LIMIT} texts, none empty`;
const choiceTexts = z.array(z.string({ error: CHOICE_ERROR }).min(1, { error: CHOICE_ERROR }), {
  error: CHOICE_ERROR,
}).min(1, { error: CHOICE_ERROR }).max(CHOICES_LIMIT, { error: CHOICE_ERROR });

const notEmpty = text.min(1, { error: "must not be empty" });
const expression = notEmpty.describe("Regular expression that the whole text matches");
const gbnf = notEmpty.describe("GBNF grammar with the start symbol root");

/** The required format of an answer, as OpenAI, vLLM, SGLang and llama-server name it. */
export const formatFields = {
  response_format: responseFormat.nullish(),
  structured_outputs: z.strictObject({
    json: schemaOrText.nullish().describe("JSON Schema"),
    regex: expression.nullish(),
    choice: choiceTexts.nullish().describe("The answer is one of these texts"),
    grammar: gbnf.nullish(),
    json_object: boolean.nullish().describe("Any JSON object"),
    structural_tag: rejected(NO_STRUCTURAL_TAGS),
  }).nullish().describe("As in vLLM"),
  guided_json: schemaOrText.nullish().describe("Alias of structured_outputs.json"),
  guided_regex: expression.nullish(),
  guided_choice: choiceTexts.nullish().describe("Alias of structured_outputs.choice"),
  guided_grammar: gbnf.nullish(),
  json_schema: schemaOrText.nullish().describe("As in llama-server and SGLang"),
  regex: expression.nullish().describe("As in SGLang"),
  ebnf: gbnf.nullish().describe("As in SGLang, with a GBNF grammar"),
};

const formatSchema = z.object({ ...formatFields, grammar: text.nullish() });

type FormatBody = z.output<typeof formatSchema>;

function invalid(field: string, message: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${message}`, { field });
}

/** A required format and the field that requires it. */
type Requested = readonly [field: string, format: Format];

/**
 * The format that a request requires.
 * @throws {ShimmyError} `invalid` when several fields require one, or a schema is not JSON.
 */
export function toFormat(body: FormatBody): Format {
  const { structured_outputs: outputs, response_format: response } = body;
  const ofVllm = "structured_outputs";
  return onlyOne([
    fromResponseFormat(response),
    outputs?.json_object ? [`${ofVllm}.json_object`, { type: "json_object" }] : null,
    fromSchema(`${ofVllm}.json`, outputs?.json),
    fromPattern(`${ofVllm}.regex`, outputs?.regex),
    fromTexts(`${ofVllm}.choice`, outputs?.choice),
    fromGrammar(`${ofVllm}.grammar`, outputs?.grammar),
    fromSchema("guided_json", body.guided_json),
    fromPattern("guided_regex", body.guided_regex),
    fromTexts("guided_choice", body.guided_choice),
    fromGrammar("guided_grammar", body.guided_grammar),
    fromSchema("json_schema", body.json_schema),
    fromPattern("regex", body.regex),
    fromGrammar("ebnf", body.ebnf),
    fromGrammar("grammar", body.grammar),
  ]);
}

/**
 * The format of a response, from `text.format` or `grammar`.
 * @throws {ShimmyError} `invalid` when both are set.
 */
export function toTextFormat(
  format: z.output<typeof textFormat> | null | undefined,
  grammar: string | null | undefined,
): Format {
  const { type } = format ?? { type: "text" };
  const schema = format?.type === "json_schema" ? format.schema : undefined;
  return onlyOne([
    type === "text"
      ? null
      : fromSchema("text.format.schema", schema) ?? ["text.format", { type: "json_object" }],
    fromGrammar("grammar", grammar),
  ]);
}

function onlyOne(all: readonly (Requested | null)[]): Format {
  const [first, second] = all.filter((one) => one !== null);
  if (first === undefined) return { type: "text" };
  if (second === undefined) return first[1];
  throw invalid(second[0], `cannot be combined with ${first[0]}`);
}

function fromResponseFormat(
  format: z.output<typeof responseFormat> | null | undefined,
): Requested | null {
  if (!format || format.type === "text") return null;
  const ofOpenAI = format.type === "json_schema" ? format.json_schema : undefined;
  if (format.type === "json_schema" && !ofOpenAI && !format.schema) {
    throw invalid("response_format.json_schema", "must be an object with the schema");
  }
  return fromSchema("response_format.json_schema.schema", ofOpenAI?.schema) ??
    fromSchema("response_format.schema", format.schema) ??
    ["response_format", { type: "json_object" }];
}

function fromSchema(
  field: string,
  given: string | Record<string, unknown> | null | undefined,
): Requested | null {
  if (given === null || given === undefined) return null;
  const schema = typeof given === "string" ? parsed(field, given) : given;
  return [field, { type: "json_schema", schema, field }];
}

function parsed(field: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw invalid(field, SCHEMA_ERROR);
  }
}

function fromPattern(field: string, pattern: string | null | undefined): Requested | null {
  return typeof pattern === "string" ? [field, { type: "regex", pattern, field }] : null;
}

function fromTexts(field: string, texts: readonly string[] | null | undefined): Requested | null {
  return texts ? [field, { type: "choice", texts }] : null;
}

function fromGrammar(field: string, source: string | null | undefined): Requested | null {
  return typeof source === "string" ? [field, { type: "grammar", source, field }] : null;
}
