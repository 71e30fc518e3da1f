import { assert, assertEquals } from "@std/assert";
import { Ajv2020, type AnySchemaObject } from "test:ajv";
import addFormats from "test:ajv-formats";
import { Validator } from "test:openapi-schema-validator";
import { serverDouble } from "../doubles/server.ts";

type Json = Record<string, unknown>;

async function fetchDocument(): Promise<Json> {
  return await (await serverDouble().request("/openapi.json")).json();
}

/** The value at the end of some steps into a document. */
function at(value: unknown, ...steps: readonly string[]): AnySchemaObject {
  return steps.reduce((inner, step) => (inner as Json)[step], value) as AnySchemaObject;
}

/** Every schema of bodies, parameters and answers, with where it stands. */
function* schemasOf(value: unknown, path = ""): Generator<[path: string, schema: Json]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "schema") yield [path, inner];
    else yield* schemasOf(inner, `${path}/${key}`);
  }
}

function newAjv() {
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
  addFormats.default(ajv);
  return ajv;
}

Deno.test("a validator of OpenAPI accepts the document", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(await fetchDocument());
  assertEquals({ valid, errors }, { valid: true, errors: undefined });
  assertEquals(validator.version, "3.1");
});

Deno.test("the validator refuses a broken document", async () => {
  const { paths, ...rest } = await fetchDocument();
  const broken = { ...rest, paths: { ...paths as Json, "/broken": { get: { parameters: 1 } } } };
  assertEquals((await new Validator().validate(broken)).valid, false);
});

Deno.test("every schema in the document is JSON Schema", async () => {
  let count = 0;
  for (const [path, schema] of schemasOf(await fetchDocument())) {
    count++;
    try {
      newAjv().compile(schema);
    } catch (error) {
      throw new Error(`${path}: ${error}`);
    }
  }
  assert(count > 60);
});

const MESSAGES = [{ role: "user", content: "Hello" }];

/** Requests by path, each with what its schema must refuse. */
const REQUESTS: readonly (readonly [path: string, body: Json, wrong: Json])[] = [
  ["/api/generate", { prompt: "Hello" }, { prompt: 1 }],
  ["/v1/chat/completions", { messages: MESSAGES, logprobs: true, top_logprobs: 2 }, { n: 0 }],
  ["/v1/completions", { prompt: "Hello", logprobs: 1 }, { n: 0 }],
  ["/v1/responses", { input: "Hello" }, { background: true }],
  ["/v1/messages", { model: "double", max_tokens: 8, messages: MESSAGES }, { max_tokens: 0 }],
  ["/api/chat", { model: "double", messages: MESSAGES, stream: false }, { options: { seed: "" } }],
  ["/tokenize", { content: "Hello" }, { content: 1 }],
];

Deno.test("requests and answers match the document", async () => {
  const document = await fetchDocument();
  for (const [path, body, wrong] of REQUESTS) {
    const operation = at(document, "paths", path, "post");
    const request = newAjv().compile(
      at(operation, "requestBody", "content", "application/json", "schema"),
    );
    assert(request(body), `${path}: ${JSON.stringify(request.errors)}`);
    assertEquals(request({ ...body, ...wrong }), false, path);
    const response = await serverDouble().request(path, body);
    assertEquals(response.status, 200, path);
    const answer = newAjv().compile(
      at(operation, "responses", "200", "content", "application/json", "schema"),
    );
    const value = await response.json();
    assert(answer(value), `${path}: ${JSON.stringify(answer.errors)} ${JSON.stringify(value)}`);
  }
});

Deno.test("stored responses match the document", async () => {
  const document = await fetchDocument();
  const { request, send } = serverDouble();
  const { id } = await (await request("/v1/responses", { input: "Hello" })).json();
  for (
    const [method, path] of [
      ["GET", "/v1/responses/{id}"],
      ["GET", "/v1/responses/{id}/input_items"],
      ["DELETE", "/v1/responses/{id}"],
    ] as const
  ) {
    const response = await send(method, path.replace("{id}", id));
    const schema = at(
      document,
      ...["paths", path, method.toLowerCase(), "responses", "200"],
      ...["content", "application/json", "schema"],
    );
    const answer = newAjv().compile(schema);
    assert(answer(await response.json()), `${path}: ${JSON.stringify(answer.errors)}`);
  }
});
