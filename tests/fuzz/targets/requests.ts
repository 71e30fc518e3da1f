import * as fc from "test:fast-check";
import { type Schema, valuesOf } from "../mutation/from_schema.ts";
import { editJson, type Json, type JsonEdit, jsonEdits } from "../mutation/json_edits.ts";
import { editText, type TextEdit, textEdits } from "../mutation/text_edits.ts";
import { exchange } from "../support/exchange.ts";
import type { Problem } from "../support/problem.ts";
import { ServerRunner } from "../support/server_runner.ts";
import { KNOWN, memberNames, record, startTinyServer, TINY } from "../support/tiny_server.ts";
import type { WatchedServer } from "../support/watched_server.ts";
import type { Target } from "../target.ts";

/** Routes that need the network, and one whose stream has no end. */
const EXCLUDED = [
  ...["/api/pull", "/api/push", "/ollama/api/pull", "/ollama/api/push"],
  "/api/events",
];

/** A request as a route's schemas allow it, and changes of it. */
interface RequestCase {
  readonly method: string;
  readonly route: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Json;
  readonly bodyEdits: readonly JsonEdit[];
  readonly textEdits: readonly TextEdit[];
}

/** A parameter of OpenAPI. */
interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
}

/** The parts of an operation of OpenAPI that are used. */
interface Operation {
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  /** Routes that read forms have no JSON. */
  readonly requestBody?: { readonly content: { "application/json"?: { schema: Schema } } };
  readonly responses: Readonly<Record<string, unknown>>;
}

interface Route extends Operation {
  readonly method: string;
  readonly path: string;
}

/** Requests for every route, made from the server's OpenAPI document. */
export const requests: Target = {
  name: "requests",
  async open() {
    const server = await startTinyServer();
    const response = await fetch(server.url("/openapi.json"));
    return new RequestRunner(server, routesOf(await response.json()));
  },
};

function routesOf({ paths }: { paths: Record<string, Record<string, Operation>> }): Route[] {
  return Object.entries(paths)
    .filter(([path]) => !EXCLUDED.includes(path))
    .flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        path,
      }))
    );
}

class RequestRunner extends ServerRunner<RequestCase> {
  readonly cases: fc.Arbitrary<RequestCase>;
  readonly #routes: readonly Route[];

  constructor(server: WatchedServer, routes: readonly Route[]) {
    super(server);
    this.#routes = routes;
    this.cases = fc.constantFrom(...routes).chain(casesOf);
  }

  async run(one: RequestCase): Promise<Problem | null> {
    const route = this.#routes.find(({ method, path }) =>
      method === one.method && path === one.route
    );
    // A route of an old finding may have gone.
    if (route === undefined) return null;
    const text = editText(JSON.stringify(editJson(one.body, one.bodyEdits)), one.textEdits);
    return await exchange(this.server, {
      method: one.method,
      path: pathOf(one),
      headers: { "content-type": "application/json", ...one.headers },
      ...(route.requestBody === undefined ? {} : { body: text }),
      isDocumented: (status) => isDocumented(route, status),
    });
  }
}

/** A mutated path may belong to no route, or to one with another method. */
function isDocumented({ responses }: Route, status: number): boolean {
  return String(status) in responses || [304, 404, 405].includes(status);
}

function pathOf({ route, params, query }: RequestCase): string {
  const path = route.replace(/\{(\w+)\}/g, (_, name) => encoded(params[name] ?? TINY));
  const pairs = Object.entries(query).map(([key, value]) => `${key}=${encoded(value)}`);
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

/** `encodeURIComponent` throws for half a surrogate pair. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function casesOf(route: Route): fc.Arbitrary<RequestCase> {
  const schema = route.requestBody?.content["application/json"]?.schema ?? {};
  const known = { ...KNOWN, grammar: ['root ::= "a"', "root ::= [a-z]*"] };
  const names = [...memberNames(schema), "model", "stream"];
  const parameters = (route.parameters ?? []).filter((one): one is Parameter => "name" in one);
  const texts = (place: Parameter["in"]) =>
    record<Record<string, string>>(Object.fromEntries(
      parameters.filter((one) => one.in === place).map(({ name }) => [name, VALUE]),
    ));
  return record<RequestCase>({
    method: fc.constant(route.method),
    route: fc.constant(route.path),
    params: texts("path"),
    query: fc.oneof(fc.constant({}), texts("query"), fc.constant({ constructor: "1" })),
    headers: HEADERS,
    ...(route.requestBody === undefined ? NO_BODY : {
      body: valuesOf(schema, known),
      bodyEdits: jsonEdits(names, [TINY]),
      textEdits: fc.oneof(
        { weight: 4, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: textEdits(WORDS, 3) },
      ),
    }),
  });
}

const NO_BODY = {
  body: fc.constant(null),
  bodyEdits: fc.constant([]),
  textEdits: fc.constant([]),
};

/** Signs of JSON, and numbers that `JSON.stringify` does not write. */
const WORDS = [
  ...["{", "}", "[", "]", ",", ":", '"', "null", "true", "-0.0", "1e400", "-1e400", "NaN", "0x1"],
  ...["9223372036854775808", '"\\ud800"', '"\\u0000"', "\u0000", "\ufeff", "//", '{"a":', "[["],
];

const VALUE = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(TINY, "0", "1", "true", "none", "save", "restore", "erase"),
  },
  { weight: 2, arbitrary: fc.constantFrom("", "../..", "%", "%2e%2e", "a/b", "a\u0000b", "*") },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);

const HEADERS = fc.oneof(
  { weight: 5, arbitrary: fc.constant({}) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Record<string, string>>(
      { "x-shimmy-strict": "1" },
      { "x-shimmy-receipt": "1" },
      { "x-shimmy-receipt": "0" },
      { "accept": "application/x-ndjson" },
      { "accept": "text/event-stream" },
      { "accept": ";;;q=,*/*" },
      { "content-type": "text/plain" },
      { "content-type": "multipart/form-data" },
      { "authorization": "Bearer x" },
      { "user-agent": "ollama/1" },
      { "anthropic-version": "2023-06-01" },
      { "if-none-match": '"a", W/"b", *' },
      { "range": "bytes=0-1" },
      { "upgrade": "websocket", "connection": "upgrade" },
    ),
  },
);
