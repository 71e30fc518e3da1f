/** A hash route: `#/PAGE/REST`. */
export interface Route {
  /** The id of a page; empty for an empty hash. */
  readonly page: string;
  /** The part after the page, decoded; empty if there is none. */
  readonly rest: string;
}

/** The route that a hash names. */
export function parseHash(hash: string): Route {
  const [, page = "", rest = ""] = /^#?\/?([^/]*)\/?(.*)$/.exec(hash) ?? [];
  try {
    return { page, rest: decodeURIComponent(rest) };
  } catch {
    return { page, rest: "" };
  }
}

/** The hash of a route, for links. */
export function hrefOf(page: string, rest = ""): string {
  return rest === "" ? `#/${page}` : `#/${page}/${encodeURIComponent(rest)}`;
}
