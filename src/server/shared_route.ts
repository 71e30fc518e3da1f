import { readJson, type Route, type RouteForm, type RouteSchemas } from "./http/mod.ts";

/**
 * One route of several forms with the same method and path, each in its dialect. The first form that
 * accepts the body handles the request; errors have the form of its dialect.
 *
 * @throws {TypeError} When the last form does not take all bodies.
 */
export function sharedRoute(...forms: readonly RouteForm[]): Route {
  const last = forms.at(-1);
  if (last === undefined || last.accepts !== undefined) {
    throw new TypeError("Cannot share a route: its last form must take all bodies");
  }
  return {
    ...last,
    forms,
    load: () => schemasOf(forms),
    async handle(exchange) {
      const value = await readJson(exchange);
      const form = forms.find(({ accepts }) => accepts?.(value) ?? true)!;
      exchange.useDialect(form.dialect);
      return await form.handle(exchange);
    },
  };
}

/** The schemas of all forms together. */
async function schemasOf(forms: readonly Route[]): Promise<RouteSchemas> {
  const [{ unionOf }, ...each] = await Promise.all([
    import("./schemas/mod.ts"),
    ...forms.map(({ load }) => load?.() ?? Promise.resolve<RouteSchemas>({})),
  ]);
  const body = unionOf(each.flatMap((form) => form.body ?? []));
  const answer = unionOf(each.flatMap((form) => form.answer ?? []));
  return {
    ...(body === undefined ? {} : { body }),
    ...(answer === undefined ? {} : { answer }),
  };
}
