import { STATUS_CODE } from "@std/http/status";
import { HttpError } from "./errors.ts";
import type { Dialect, Route, ServerSettings } from "./route.ts";

/** Routes of one path by method. */
type Methods = ReadonlyMap<string, Route>;

/** Variables of a path, still percent-encoded. */
type Groups = Readonly<Record<string, string | undefined>>;

/** The route of a request and the variables of its path. */
export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** The dialect of unknown paths by prefix; the first match counts, other paths are native. */
const DIALECT_PREFIXES: readonly (readonly [string, Dialect["name"]])[] = [
  ["/v1/messages", "anthropic"],
  ["/v1", "openai"],
  ["/ollama", "ollama"],
];

const NO_PARAMS: Match["params"] = {};

/** Finds routes: paths without variables in a map, others by `URLPattern`. */
export class Router {
  readonly #exact = new Map<string, Methods>();
  readonly #patterns: { readonly pattern: URLPattern; readonly methods: Methods }[] = [];
  readonly #dialects = new Map<Dialect["name"], Dialect>();
  readonly #native: Dialect;

  /** @throws {TypeError} When two routes have the same method and path. */
  constructor(routes: readonly Route[], native: Dialect) {
    this.#native = native;
    const paths = new Map<string, Map<string, Route>>();
    for (const route of routes) {
      const methods = paths.get(route.path) ?? new Map<string, Route>();
      if (methods.has(route.method)) {
        throw new TypeError(`Cannot route ${route.method} ${route.path}: it is routed twice`);
      }
      paths.set(route.path, methods.set(route.method, route));
      this.#dialects.set(route.dialect.name, route.dialect);
    }
    for (const [path, methods] of paths) {
      if (/[:*{(]/.test(path)) {
        this.#patterns.push({ pattern: new URLPattern({ pathname: path }), methods });
      } else {
        this.#exact.set(path, methods);
      }
    }
  }

  /**
   * The route of a method and path; `HEAD` uses the route of `GET`.
   * @throws {HttpError} 404, or 405 with the allowed methods.
   */
  find(method: string, pathname: string): Match {
    const found = this.#at(pathname);
    if (found === null) {
      throw new HttpError(STATUS_CODE.NotFound, `There is no route ${method} ${pathname}`);
    }
    const route = found.methods.get(method === "HEAD" ? "GET" : method);
    if (route === undefined) {
      const allow = listMethods(found.methods).join(", ");
      throw new HttpError(
        STATUS_CODE.MethodNotAllowed,
        `${pathname} takes ${allow}, not ${method}`,
        { headers: { allow } },
      );
    }
    return { route, params: found.groups === null ? NO_PARAMS : decoded(found.groups) };
  }

  /** Path of the route of a method and path, for logs; `unknown` without a route. */
  label(method: string, pathname: string): string {
    return this.#at(pathname)?.methods.get(method === "HEAD" ? "GET" : method)?.path ?? "unknown";
  }

  /** Methods of a path; empty for an unknown path. */
  methods(pathname: string): readonly string[] {
    const found = this.#at(pathname);
    return found === null ? [] : listMethods(found.methods);
  }

  /** Whether no route of a path requires an API key for a request. */
  isOpen(
    pathname: string,
    request: Request,
    settings: ServerSettings,
  ): boolean | Promise<boolean> {
    const methods = this.#exact.get(pathname);
    if (methods === undefined) return false;
    for (const { open, openFor } of methods.values()) {
      if (open === true) continue;
      if (openFor === undefined || methods.size > 1) return false;
      return openFor(request, settings);
    }
    return true;
  }

  /** The dialect for errors about a path. */
  dialect(method: string, pathname: string): Dialect {
    const methods = this.#at(pathname)?.methods;
    const route = methods?.get(method) ?? methods?.values().next().value;
    if (route !== undefined) return route.dialect;
    const name = DIALECT_PREFIXES.find(([prefix]) =>
      pathname === prefix || pathname.startsWith(`${prefix}/`)
    )?.[1];
    return (name && this.#dialects.get(name)) ?? this.#native;
  }

  #at(pathname: string): { readonly methods: Methods; readonly groups: Groups | null } | null {
    const exact = this.#exact.get(pathname);
    if (exact !== undefined) return { methods: exact, groups: null };
    for (const { pattern, methods } of this.#patterns) {
      const groups = pattern.exec({ pathname })?.pathname.groups;
      if (groups !== undefined) return { methods, groups };
    }
    return null;
  }
}

function listMethods(methods: Methods): string[] {
  const names = [...methods.keys()];
  if (methods.has("GET")) names.push("HEAD");
  return [...names, "OPTIONS"];
}

/** @throws {HttpError} 400 for broken percent-encoding. */
function decoded(groups: Groups): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(groups)) {
    try {
      params[name] = decodeURIComponent(value ?? "");
    } catch (cause) {
      throw new HttpError(STATUS_CODE.BadRequest, `${name}: must be percent-encoded UTF-8`, {
        field: name,
        cause,
      });
    }
  }
  return params;
}
