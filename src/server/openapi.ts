import * as z from "zod";
import { STATUS_CODE } from "@std/http/status";
import { ShimmyError } from "../errors.ts";
import { ANY_VALUE } from "./schemas/mod.ts";
import { type DescribedRoute, type Dialect, hasAnswers } from "./http/mod.ts";

type Json = Record<string, unknown>;

/** Error statuses of every route, with their reasons. */
const ERRORS: readonly (readonly [number, string])[] = [
  [STATUS_CODE.BadRequest, "The request is malformed or a value is out of range"],
  [STATUS_CODE.Unauthorized, "The API key is missing or wrong"],
  [STATUS_CODE.Forbidden, "The host, the origin, or the key's scope or models do not allow it"],
  [STATUS_CODE.NotFound, "There is no such model or route"],
  [STATUS_CODE.ContentTooLarge, "The body is too large"],
  [STATUS_CODE.TooManyRequests, "A limit of the key is reached; see Retry-After"],
  [STATUS_CODE.BadGateway, "The model cannot be loaded, or generation failed"],
  [STATUS_CODE.ServiceUnavailable, "The queue is full; see Retry-After"],
];

/** Error statuses of some routes. */
const UPGRADE_REQUIRED: readonly [number, string] = [
  STATUS_CODE.UpgradeRequired,
  "The request is no upgrade to WebSocket",
];
const TIMEOUT: readonly [number, string] = [
  STATUS_CODE.RequestTimeout,
  "The body did not come in time",
];
/** RFC 9110, 15.6.2. */
const UNSUPPORTED: readonly [number, string] = [
  501,
  "The server has no store of models, or does not support the operation",
];
const ENCODED: readonly [number, string] = [
  STATUS_CODE.UnsupportedMediaType,
  "The body is compressed",
];
const CONFLICT: readonly [number, string] = [
  STATUS_CODE.Conflict,
  "The answer has ended, or has not begun",
];
const GONE: readonly [number, string] = [
  STATUS_CODE.Gone,
  "The events that the request asks for are no longer kept",
];
const SPECIAL_ERRORS = [UPGRADE_REQUIRED, TIMEOUT, ENCODED, UNSUPPORTED, CONFLICT, GONE];

/** The error statuses of a route, with their reasons. */
function errorsOf(
  { upgrade, body, dialect, conflicts, expires }: DescribedRoute,
): (readonly [number, string])[] {
  return [
    ...ERRORS,
    ...(upgrade ? [UPGRADE_REQUIRED] : []),
    ...(body === undefined ? [] : [TIMEOUT, ENCODED]),
    ...(conflicts ? [CONFLICT] : []),
    ...(expires ? [GONE] : []),
    ...(["ollama", "llamacpp"].includes(dialect.name) ? [UNSUPPORTED] : []),
  ];
}

/** An OpenAPI 3.1 document of routes (https://spec.openapis.org/oas/v3.1.1). */
export function describeRoutes(routes: readonly DescribedRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)[*+?]?/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  const dialects = new Map(routes.map(({ dialect }) => [dialect.name, dialect]));
  return {
    openapi: "3.1.1",
    info: { title: "Shimmy", version, license: { name: "MIT", identifier: "MIT" } },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        xApiKey: { type: "apiKey", in: "header", name: "x-api-key" },
        apiKey: { type: "apiKey", in: "header", name: "api-key" },
      },
      parameters: { strict: STRICT_PARAMETER, receipt: RECEIPT_PARAMETER },
      headers: { ignored: IGNORED_HEADER },
      responses: Object.fromEntries([...dialects.values()].flatMap(errorResponsesOf)),
    },
    security: [{}, { bearer: [] }, { xApiKey: [] }, { apiKey: [] }],
  };
}

function operation(route: DescribedRoute): Json {
  const parameters = parametersOf(route);
  return {
    operationId: operationId(route),
    summary: route.summary,
    tags: [route.dialect.name],
    ...(route.open ? {} : { "x-shimmy-scope": route.scope }),
    ...(route.open ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : {
      requestBody: {
        required: !route.optionalBody,
        content: {
          [route.isForm ? "multipart/form-data" : "application/json"]: {
            schema: bodySchema(route),
          },
        },
      },
    }),
    responses: {
      ...(route.upgrade
        ? { "101": { description: "The connection is upgraded to WebSocket" } }
        : { "200": { description: "The response", ...headersOf(route), ...contentOf(route) } }),
      ...Object.fromEntries(
        errorsOf(route).map(([status]) => [
          status,
          { $ref: `#/components/responses/${errorName(route.dialect, status)}` },
        ]),
      ),
    },
  };
}

/** Whether a route ignores unknown fields and values without effect, as all do but the native ones. */
function isLenient({ body, dialect }: DescribedRoute): boolean {
  return body !== undefined && dialect.name !== "native";
}

const STRICT_PARAMETER = {
  name: "x-shimmy-strict",
  in: "header",
  description: "1: reject fields that have no effect instead of ignoring them",
  schema: { type: "string" },
};

const RECEIPT_PARAMETER = {
  name: "x-shimmy-receipt",
  in: "header",
  description: "Add a signed receipt to the response, as receipt in the body does",
  schema: { type: "string", enum: ["1"] },
};

const IGNORED_HEADER = {
  description: "Fields of the request that had no effect, separated by commas",
  schema: { type: "string" },
};

function headersOf(route: DescribedRoute): Json {
  if (!isLenient(route)) return {};
  return { headers: { "x-shimmy-ignored": { $ref: "#/components/headers/ignored" } } };
}

function parametersOf(route: DescribedRoute): Json[] {
  const { path, query = {} } = route;
  const schema = { type: "string" };
  return [
    ...(isLenient(route) ? [{ $ref: "#/components/parameters/strict" }] : []),
    ...(hasAnswers(route) ? [{ $ref: "#/components/parameters/receipt" }] : []),
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema,
    })),
    ...Object.entries(query).map(([name, description]) => ({
      name,
      in: "query",
      description,
      schema,
    })),
  ];
}

function contentOf(route: DescribedRoute): Json {
  const { answer, text, html, streams = [], events } = route;
  const content: Record<string, Json> = {};
  if (text) content["text/plain"] = { schema: { type: "string" } };
  if (html) content["text/html"] = { schema: { type: "string" } };
  if (answer !== undefined) content["application/json"] = { schema: answerSchema(route) };
  for (const type of streams) content[type] = { schema: { type: "string" }, ...eventsOf(events) };
  return Object.keys(content).length === 0 ? {} : { content };
}

/** The data of each server-sent event. OpenAPI 3.1 has no field for it. */
function eventsOf(events: DescribedRoute["events"]): Json {
  if (events === undefined) return {};
  const schemas = Object.entries(events).map((
    [name, schema],
  ) => [name, toSchema(schema, "output")]);
  return { "x-shimmy-events": Object.fromEntries(schemas) };
}

function operationId({ method, path }: DescribedRoute): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return [method.toLowerCase(), ...words].join("_");
}

function errorName({ name }: Dialect, status: number): string {
  return `${name}${status}`;
}

/** The error responses of a dialect, each with an example in the form of the dialect. */
function errorResponsesOf(dialect: Dialect): [string, Json][] {
  return [...ERRORS, ...SPECIAL_ERRORS].map(([status, description]) => [
    errorName(dialect, status),
    {
      description,
      content: {
        "application/json": {
          schema: { type: "object" },
          example: dialect.errorBody(exampleOf(status, description), status, "request-id"),
        },
      },
    },
  ]);
}

function exampleOf(status: number, description: string): ShimmyError {
  const kind = ({ 404: "not_found", 502: "backend", 503: "overloaded" } as const)[status];
  return new ShimmyError(kind ?? "invalid", description);
}

/** The schema of a request body; lenient routes accept unknown fields and any value without effect. */
function bodySchema(route: DescribedRoute): Json {
  const schema = toSchema(route.body!, "input", isLenient(route));
  if (!hasAnswers(route)) return schema;
  return { ...schema, properties: { ...schema.properties as Json, receipt: RECEIPT_FIELD } };
}

/** The schema of a response; with a receipt, if the route has answers. */
function answerSchema(route: DescribedRoute): Json {
  const schema = toSchema(route.answer!, "output");
  return hasAnswers(route) ? withReceipt(schema) : schema;
}

/** A schema with the fields of receipts in each of its objects. */
function withReceipt(schema: Json): Json {
  const { properties, anyOf, items } = schema as {
    properties?: Json;
    anyOf?: readonly Json[];
    items?: Json;
  };
  if (properties !== undefined) {
    return { ...schema, properties: { ...properties, ...RECEIPTS } };
  }
  if (anyOf !== undefined) return { ...schema, anyOf: anyOf.map(withReceipt) };
  return items === undefined ? schema : { ...schema, items: withReceipt(items) };
}

/** A response with one answer has `receipt`; a response with several has `receipts`. */
const RECEIPTS = {
  receipt: { type: "object", description: "The signed receipt, if the request asks for it" },
  receipts: { type: "array", items: { type: "object" }, description: "The same for each answer" },
};

/** Every route with answers takes it, beside the schema of its body. */
const RECEIPT_FIELD = {
  description: "Add a signed receipt to the response",
  type: ["boolean", "null"],
};

/**
 * Describes a tuple as a list of that length, in which each item is one of the tuple's. Programs that
 * read OpenAPI 3.1 as an older JSON Schema do not know `prefixItems`.
 */
function describeTuple(schema: Json): void {
  const items = schema["prefixItems"] ?? schema["items"];
  if (!Array.isArray(items)) return;
  const kinds = [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
  delete schema["prefixItems"];
  Object.assign(schema, {
    items: kinds.length === 1 ? kinds[0] : { anyOf: kinds },
    minItems: items.length,
    maxItems: items.length,
  });
}

function toSchema(schema: z.ZodType, io: "input" | "output", isOpen = false): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      describeTuple(jsonSchema as Json);
      if (!isOpen) return;
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      const { description } = jsonSchema;
      if (!description?.startsWith(ANY_VALUE)) return;
      for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
      jsonSchema.description = description;
    },
  });
  return json;
}
