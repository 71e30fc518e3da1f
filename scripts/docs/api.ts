import type { Dialect, Route } from "../../src/server/http/route.ts";
import { controlSchema, generateSchema } from "../../src/server/api/native/schema.ts";
import { openApiRoute } from "../../src/server/openapi.ts";
import { allRoutes } from "../../src/server/routes.ts";
import { samplingFields } from "../../src/server/schemas/sampling.ts";
import { VERSION } from "../../src/version.ts";
import { type Field, fieldsOf } from "./fields.ts";
import { code, table, wideTable } from "./markdown.ts";
import { type Schema, unwrap } from "./values.ts";

const TITLES: Readonly<Record<Dialect["name"], string>> = {
  native: "Native",
  openai: "OpenAI",
  anthropic: "Anthropic",
  ollama: "Ollama",
};

/** Every route of the server. */
export const ROUTES: readonly Route[] = [...allRoutes, openApiRoute(allRoutes, VERSION)];

/** Ollama's routes stand twice; those with a twin are told of once. */
const PREFIX = "/ollama";

function isTwin({ method, path }: Route): boolean {
  return path.startsWith(PREFIX) &&
    ROUTES.some((other) =>
      other.dialect.name === "ollama" && other.method === method &&
      other.path === path.slice(PREFIX.length)
    );
}

/** How a route is called in the pages. */
export function routeName({ method, path }: Route): string {
  return `${method} ${path}`;
}

/** A table of the routes of each dialect. */
export function routeTables(): string {
  return eachDialect((routes) =>
    table(
      ["route", "does", "streams"],
      routes.map((route) => [code(routeName(route)), route.summary, streamsOf(route)]),
    )
  );
}

function streamsOf({ streams = [], upgrade }: Route): string {
  if (upgrade) return "WebSocket";
  return streams.map((type) => type === "text/event-stream" ? "SSE" : "NDJSON").join(", ");
}

/** A table of the fields of each route that takes a body. */
export function fieldTables(): string {
  const told = new Told();
  return eachDialect((routes) =>
    routes.filter(({ body, upgrade }) => body !== undefined || upgrade).map((route) => {
      const name = routeName(route);
      const content = route.upgrade ? frames(told) : bodyTable(route.body!, name, told);
      return `### ${code(name)}\n\n${content}`;
    }).join("\n\n")
  );
}

/** Which route told of a schema first. */
class Told {
  readonly #by = new Map<Schema, string>();

  /** The route that told of it before, unless this is the first. */
  before(schema: Schema, route: string): string | undefined {
    const known = this.#by.get(schema);
    if (known === undefined) this.#by.set(schema, route);
    return known;
  }
}

function bodyTable(body: Schema, route: string, told: Told): string {
  const known = told.before(body, route);
  return known === undefined ? fieldTable(body, route, told) : `Takes what ${code(known)} takes.`;
}

/** What the frames of the WebSocket may have. */
function frames(told: Told): string {
  return [
    "A frame that asks is what `POST /api/generate` takes. While its answer runs, a frame may have:",
    fieldTable(controlSchema, "", told),
  ].join("\n\n");
}

/** The table of the sampling fields, to which the other tables refer. */
export function samplingTable(): string {
  return table(
    HEAD,
    fieldsOf(generateSchema).filter(({ path }) => path in samplingFields).map((field) =>
      rowOf(field)
    ),
  );
}

function eachDialect(tell: (routes: readonly Route[]) => string): string {
  return Object.entries(TITLES).map(([name, title]) =>
    `## ${title}\n\n${
      tell(ROUTES.filter((route) => route.dialect.name === name && !isTwin(route)))
    }`
  ).join("\n\n");
}

function fieldTable(body: Schema, route: string, told: Told): string {
  const fields = fieldsOf(body);
  const hasAll = hasSampling(fields);
  return fieldRows([
    ...fields.filter((field) => !hasAll || !isSampling(field))
      .flatMap((field) => rowsOf(field, route, told)),
    ...(hasAll ? [["the [sampling fields](#sampling)", "", "honoured", ""]] : []),
  ]);
}

const SHARED = Object.entries(samplingFields);

function isSampling({ path, schema }: Field): boolean {
  return SHARED.some(([name, own]) =>
    path.split(".").at(-1) === name && unwrap(own).schema === schema
  );
}

/** Whether the sampling fields are among these. */
function hasSampling(fields: readonly Field[]): boolean {
  return fields.filter(isSampling).length === SHARED.length;
}

/** The row of a field and those of what it holds, unless another route told of that already. */
function rowsOf(field: Field, route: string, told: Told, only: readonly string[] = []): string[][] {
  const known = field.within.length === 0 ? undefined : told.before(field.schema, route);
  if (known !== undefined && known !== route) {
    return [rowOf(field, only, `as in ${code(known)}`)];
  }
  if (hasSampling(field.within)) return [rowOf(field, only, "the [sampling fields](#sampling)")];
  const kinds = field.only === undefined ? only : [...only, field.only];
  return [rowOf(field, only), ...field.within.flatMap((one) => rowsOf(one, route, told, kinds))];
}

const HEAD = ["field", "value", "", "note"];

const WORDS: Readonly<Record<Field["treatment"], string>> = {
  honoured: "honoured",
  refused: "refused",
  fixed: "this or refused",
  "no effect": "no effect",
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

function fieldRows(rows: readonly (readonly string[])[]): string {
  return wideTable(HEAD, rows);
}
