import { nativeDialect } from "./api/native/mod.ts";
import { describedRoutes, etagOf, lazyRoute, type Route, taggedResponse } from "./http/mod.ts";

/** `GET /openapi.json`: the routes as an OpenAPI 3.1 document, created at the first request. */
export function openApiRoute(routes: readonly Route[], version: string): Route {
  let document: Promise<{ readonly text: string; readonly tag: string }> | null = null;
  return lazyRoute({
    method: "GET",
    path: "/openapi.json",
    scope: "any",
    dialect: nativeDialect,
    summary: "OpenAPI description of all routes",
  }, async () => {
    const { describeRoutes } = await import("./openapi.ts");
    const create = async () => {
      const text = JSON.stringify(describeRoutes(await describedRoutes(routes), version));
      return { text, tag: await etagOf(text) };
    };
    return {
      async handle({ request }) {
        document ??= create().catch((error) => {
          // The next request tries again.
          document = null;
          throw error;
        });
        const { text, tag } = await document;
        return await taggedResponse(request, text, tag, "application/json");
      },
    };
  });
}
