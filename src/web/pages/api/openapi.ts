/** The used part of an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1). */

/** A JSON Schema, or the part of it that this page reads. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly description?: string;
}

interface Media {
  readonly schema?: Schema;
}

interface OperationObject {
  readonly operationId: string;
  readonly summary: string;
  readonly tags?: readonly string[];
  readonly "x-shimmy-scope"?: string;
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, Media>>;
  };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, Media>> }>
  >;
}

export interface OpenApi {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>;
}

/** A route of the server. */
export interface Operation {
  readonly id: string;
  readonly method: string;
  /** With the names of variables in braces. */
  readonly path: string;
  readonly summary: string;
  /** The dialect. */
  readonly tag: string;
  /** The scope that a signed key needs; null for a route that needs no key. */
  readonly scope: string | null;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | null;
  readonly isBodyRequired: boolean;
  readonly answer: Schema | null;
  /** Media types of streamed responses. */
  readonly streams: readonly string[];
  /** The response is an upgrade to WebSocket. */
  readonly isUpgrade: boolean;
}

/** What a reference within the document names. @throws {TypeError} for one that leads nowhere. */
export function resolve<T>(document: unknown, value: T | { readonly $ref: string }): T {
  if (typeof value !== "object" || value === null || !("$ref" in value)) return value as T;
  const { $ref } = value;
  let found: unknown = document;
  for (const part of $ref.replace(/^#\//, "").split("/")) {
    found = (found as Record<string, unknown> | undefined)
      ?.[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  if (found === undefined) throw new TypeError(`Cannot resolve ${$ref}: it leads nowhere`);
  return found as T;
}

/** The routes of a document, in its order. */
export function operationsOf(document: OpenApi): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      operationOf(document, method.toUpperCase(), path, operation)
    )
  );
}

function operationOf(
  document: OpenApi,
  method: string,
  path: string,
  operation: OperationObject,
): Operation {
  const { requestBody, responses } = operation;
  const content = responses["200"]?.content ?? {};
  return {
    id: operation.operationId,
    method,
    path,
    summary: operation.summary,
    tag: operation.tags?.[0] ?? "other",
    scope: operation["x-shimmy-scope"] ?? null,
    parameters: (operation.parameters ?? []).map((one) => resolve<Parameter>(document, one)),
    body: requestBody?.content["application/json"]?.schema ?? null,
    isBodyRequired: requestBody?.required ?? false,
    answer: content["application/json"]?.schema ?? null,
    streams: Object.keys(content).filter((type) =>
      type === "text/event-stream" || type === "application/x-ndjson"
    ),
    isUpgrade: responses["101"] !== undefined,
  };
}
