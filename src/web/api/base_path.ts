/**
 * The path of the server from the path of the page, which the server has at `/` and at `/ui`. A proxy may
 * have put a prefix before it. The result ends with `/`.
 */
export function basePath(pathname: string): string {
  if (pathname.endsWith("/ui")) return pathname.slice(0, -"ui".length);
  return pathname.slice(0, pathname.lastIndexOf("/") + 1) || "/";
}
