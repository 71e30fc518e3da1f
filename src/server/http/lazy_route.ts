import { delay } from "@std/async/delay";
import {
  type DescribedRoute,
  hasAnswers,
  type Route,
  type RouteCode,
  type RouteHead,
} from "./route.ts";

/**
 * A route whose code is imported with its first request, so that the server listens before the modules of
 * all routes are read.
 */
export function lazyRoute(head: RouteHead, load: () => Promise<RouteCode>): Route {
  const code = once(load);
  return {
    ...head,
    load: code.load,
    handle: (exchange) => code.use(({ handle }) => handle(exchange)),
  };
}

/** A value that is imported once. A failed import is tried again with the next use. */
export interface Once<T> {
  readonly load: () => Promise<T>;
  /** Calls `use` with the value; at once, if it is there. */
  readonly use: <R>(use: (value: T) => R | Promise<R>) => R | Promise<R>;
}

/** Imports a value with its first use. */
export function once<T>(load: () => Promise<T>): Once<T> {
  let found: { readonly value: T } | null = null;
  const read = async () => (found ??= { value: await load() }).value;
  return {
    load: read,
    use: (use) => found === null ? read().then(use) : use(found.value),
  };
}

/** Milliseconds between two imports, in which requests are handled. */
const PAUSE_MS = 1;

/**
 * Imports the code of all routes, one after the other, so that no first request waits for it: first the
 * routes with answers. Ends early when `signal` aborts. A failure is left to the request that needs the code.
 */
export async function loadRoutes(routes: readonly Route[], signal?: AbortSignal): Promise<void> {
  const ordered = [...routes.filter(hasAnswers), ...routes.filter((route) => !hasAnswers(route))];
  for (const { load } of ordered) {
    if (load === undefined) continue;
    await load().catch(() => {});
    await delay(PAUSE_MS);
    if (signal?.aborted) return;
  }
}

/** Routes with their schemas. Imports the code of all of them. */
export function describedRoutes(routes: readonly Route[]): Promise<DescribedRoute[]> {
  return Promise.all(routes.map(async (route) => ({ ...route, ...await route.load?.() })));
}
