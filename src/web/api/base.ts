import { basePath } from "./base_path.ts";

/** The address of the server, with the prefix of a proxy; it ends with `/`. */
export const BASE = `${location.origin}${basePath(location.pathname)}`;

/** The address of a route, given by its path with or without the leading `/`. */
export function apiUrl(path: string): string {
  return BASE + path.replace(/^\//, "");
}
