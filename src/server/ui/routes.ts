import { type Dialect, preferredType, type Route, type ServerSettings } from "../http/mod.ts";
import { pageResponse } from "./page_response.ts";

/** Whether `/` is the web page for a request: it has to prefer HTML, as browsers do. */
async function wantsPage(request: Request, settings: ServerSettings): Promise<boolean> {
  if (settings.ui !== true) return false;
  return await preferredType(request, ["text/plain", "text/html"]) === "text/html";
}

/**
 * `GET /ui`, and `GET /`, which greets clients that do not prefer HTML. The page needs no access key,
 * because it contains nothing of the server; its requests do.
 */
export function pageRoutes(dialect: Dialect): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/",
      scope: "any",
      dialect,
      summary: "Name and version as plain text; the web page for browsers",
      text: true,
      html: true,
      openFor: wantsPage,
      async handle({ request, context: { settings } }) {
        if (await wantsPage(request, settings)) return await pageResponse(request);
        return new Response(`Shimmy ${settings.version} is running\n`);
      },
    },
    {
      method: "GET",
      path: "/ui",
      scope: "any",
      dialect,
      summary: "The web page",
      html: true,
      open: true,
      isPage: true,
      handle: ({ request }) => pageResponse(request),
    },
  ];
}
