import * as z from "zod";
import { readJson, type Route, type RouteForm } from "./http/mod.ts";

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
  const [body, answer] = (["body", "answer"] as const).map((key) => unionOf(forms, key));
  return {
    ...last,
    ...(body === undefined ? {} : { body }),
    ...(answer === undefined ? {} : { answer }),
    forms,
    async handle(exchange) {
      const value = await readJson(exchange);
      const form = forms.find(({ accepts }) => accepts?.(value) ?? true)!;
      exchange.useDialect(form.dialect);
      return await form.handle(exchange);
    },
  };
}

function unionOf(forms: readonly Route[], key: "body" | "answer"): z.ZodType | undefined {
  const schemas = forms.flatMap((form) => form[key] ?? []);
  return schemas.length > 1 ? z.union(schemas) : schemas[0];
}
