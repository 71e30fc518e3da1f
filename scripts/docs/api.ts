import { SCOPES } from "../../src/access/scopes.ts";
import { describedRoutes } from "../../src/server/http/lazy_route.ts";
import type { DescribedRoute, Dialect, RouteScope } from "../../src/server/http/route.ts";
import { controlSchema, generateSchema } from "../../src/server/api/native/schema.ts";
import { openApiRoute } from "../../src/server/openapi_route.ts";
import { allRoutes } from "../../src/server/routes.ts";
import { samplingFields } from "../../src/server/schemas/sampling.ts";
import { VERSION } from "../../src/version.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { code, table, wideTable } from "./markdown.ts";
import { type Schema, unwrap } from "./values.ts";

/** The dialects; each has a page `docs/api/<name>.md`. */
export const DIALECTS: readonly Dialect["name"][] = [
  "native",
  "openai",
  "anthropic",
  "ollama",
  "llamacpp",
];

/** Every route of the server; a route that dialects share is in the list once for each. */
export const ROUTES: readonly DescribedRoute[] = await describedRoutes(
  [...allRoutes, openApiRoute(allRoutes, VERSION)].flatMap((route) => route.forms ?? [route]),
);

/** Ollama's routes exist with and without this prefix; the pages show a pair once. */
const PREFIX = "/ollama";

function isTwin({ method, path }: DescribedRoute): boolean {
  return path.startsWith(PREFIX) &&
    ROUTES.some((other) =>
      other.dialect.name === "ollama" && other.method === method &&
      other.path === path.slice(PREFIX.length)
    );
}

/** The name of a route in the pages. */
export function routeName({ method, path }: DescribedRoute): string {
  return `${method} ${path}`;
}

function routesOf(dialect: Dialect["name"]): readonly DescribedRoute[] {
  return ROUTES.filter((route) => route.dialect.name === dialect && !isTwin(route));
}

/** A table of the routes of a dialect. */
export function routeTable(dialect: Dialect["name"]): string {
  return table(
    ["route", "does", "streams"],
    routesOf(dialect).map((route) => [code(routeName(route)), route.summary, streamsOf(route)]),
  );
}

/** A table of the scopes, with the routes that need each. */
export function scopeTable(): string {
  const scopes = [...SCOPES, "any"] as const;
  const routes = (scope: RouteScope) =>
    ROUTES.filter((route) => route.scope === scope && !route.open && !isTwin(route));
  return table(
    ["scope", "routes"],
    scopes.map((scope) => [
      scope === "any" ? "any valid key" : code(scope),
      [...new Set(routes(scope).map((route) => code(routeName(route))))].join(", "),
    ]),
  );
}

function streamsOf({ streams = [], upgrade }: DescribedRoute): string {
  if (upgrade) return "WebSocket";
  return streams.map((type) => type === "text/event-stream" ? "SSE" : "NDJSON").join(", ");
}

/** A table of the request fields of each route of a dialect. */
export function fieldTables(dialect: Dialect["name"]): string {
  const documented = new Documented();
  return routesOf(dialect).filter(({ body, upgrade }) => body !== undefined || upgrade)
    .map((route) => {
      const name = routeName(route);
      const content = route.upgrade
        ? frameTable(documented)
        : bodyTable(route.body!, name, documented);
      return `### ${code(name)}\n\n${content}`;
    }).join("\n\n");
}

/** The schemas that a page has documented, with the route where it did. */
class Documented {
  readonly #by = new Map<Schema, string>();

  /** The route that documented the schema before; `undefined` for the first. */
  before(schema: Schema, route: string): string | undefined {
    const known = this.#by.get(schema);
    if (known === undefined) this.#by.set(schema, route);
    return known;
  }
}

function bodyTable(body: Schema, route: string, documented: Documented): string {
  const known = documented.before(body, route);
  return known === undefined
    ? fieldTable(body, route, documented)
    : `The fields of ${code(known)}.`;
}

/** The fields of a WebSocket frame. */
function frameTable(documented: Documented): string {
  return [
    "The frame that starts an answer has the fields of `POST /api/generate`. A frame during the " +
    "answer can have these fields:",
    fieldTable(controlSchema, "", documented),
  ].join("\n\n");
}

/** The table of the sampling fields, which the other tables link to. */
export function samplingTable(): string {
  return table(
    HEAD,
    fieldsOf(generateSchema).filter(({ path }) => path in samplingFields).map((field) =>
      rowOf(field)
    ),
  );
}

function fieldTable(body: Schema, route: string, documented: Documented): string {
  const fields = fieldsOf(body);
  const hasAll = hasSampling(fields);
  return wideTable(HEAD, [
    ...fields.filter((field) => !hasAll || !isSampling(field))
      .flatMap((field) => rowsOf(field, route, documented)),
    ...(hasAll ? [[`the ${SAMPLING}`, "", "supported", ""]] : []),
  ]);
}

/** A link from the page of a dialect. */
const SAMPLING = "[sampling fields](README.md#sampling-fields)";

const SHARED = Object.entries(samplingFields);

function isSampling({ path, schema }: Field): boolean {
  return SHARED.some(([name, own]) =>
    path.split(".").at(-1) === name && unwrap(own).schema === schema
  );
}

/** Whether the fields include all sampling fields. */
function hasSampling(fields: readonly Field[]): boolean {
  return fields.filter(isSampling).length === SHARED.length;
}

/** The rows of a field and its nested fields, except nested fields that the page has already. */
function rowsOf(
  field: Field,
  route: string,
  documented: Documented,
  only: readonly string[] = [],
): string[][] {
  const known = field.within.length === 0 ? undefined : documented.before(field.schema, route);
  if (known !== undefined && known !== route) {
    return [rowOf(field, only, `as in ${code(known)}`)];
  }
  if (hasSampling(field.within)) return [rowOf(field, only, `the ${SAMPLING}`)];
  const kinds = field.only === undefined ? only : [...only, field.only];
  return [
    rowOf(field, only),
    ...field.within.flatMap((one) => rowsOf(one, route, documented, kinds)),
  ];
}

const HEAD = ["field", "value", "support", "note"];

const WORDS: Readonly<Record<Field["treatment"], string>> = {
  supported: "supported",
  refused: "refused",
  fixed: "this value only",
  ignored: "ignored",
};

function rowOf(field: Field, only: readonly string[] = [], more = ""): string[] {
  const kinds = field.only === undefined ? only : [...only, field.only];
  const notes = [field.note, more].filter((note) => note !== "").join("; ");
  const kind = kinds.length === 0 ? "" : `with ${kinds.join(", ")}`;
  return [
    code(field.path) + (field.required ? " *" : ""),
    field.value,
    WORDS[field.treatment],
    [kind, notes].filter((part) => part !== "").join(": "),
  ];
}
