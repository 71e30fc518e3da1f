import { join } from "node:path";

/** The user's home folder from the environment, if known. */
export function homeFolder(env: (name: string) => string | undefined): string | undefined {
  return env("HOME") || env("USERPROFILE") || undefined;
}

/**
 * Replaces `~`, `$HOME` or `${HOME}` at the beginning of a path by the home folder. A shell does not
 * expand them in quotes, in service files or after `--option=`.
 */
export function expandHome(path: string, home: string | undefined): string {
  const match = /^(?:~|\$HOME|\$\{HOME\})(?=$|[\\/])/.exec(path);
  return home === undefined || match === null ? path : join(home, path.slice(match[0].length));
}
