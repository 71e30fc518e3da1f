import { signal } from "@preact/signals";
import { hrefOf, parseHash, type Route } from "./hash.ts";

/** The current route; it follows the address of the document. */
export const route = signal<Route>(parseHash(location.hash));

const follow = () => route.value = parseHash(location.hash);
addEventListener("hashchange", follow);
addEventListener("popstate", follow);

/** Goes to a route. `replace` keeps the current one out of the history of the browser. */
export function navigate(page: string, rest = "", { replace = false } = {}): void {
  const href = hrefOf(page, rest);
  if (href === location.hash) return;
  if (replace) history.replaceState(null, "", href);
  else history.pushState(null, "", href);
  route.value = parseHash(href);
}
