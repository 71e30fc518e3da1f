import type { Operation } from "./openapi.ts";

/** The path of a request with its variables and query. Empty values of the query are left out. */
export function pathOf(
  { path, parameters }: Pick<Operation, "path" | "parameters">,
  values: Readonly<Record<string, string>>,
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name] ?? ""));
  const query = new URLSearchParams();
  for (const { name, in: place } of parameters) {
    if (place === "query" && values[name]) query.set(name, values[name]);
  }
  return query.size === 0 ? filled : `${filled}?${query}`;
}

/** The headers of a request; those without a value are left out. */
export function headersOf(
  { parameters }: Pick<Operation, "parameters">,
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    parameters.filter(({ name, in: place }) => place === "header" && values[name])
      .map(({ name }) => [name, values[name]!]),
  );
}
