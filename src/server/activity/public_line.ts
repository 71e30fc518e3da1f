/** An address without a path and a password, such as the one that a server listens on. */
const ORIGIN = /\bhttps?:\/\/[\w.[\]:-]+(?![\w.[\]:@/?#-])/g;

/** Slashes that are no separators of a path: `3/7 layers`, `12.5 t/s`. */
const FRACTION = /\b\d+\/\d+\b|\b(?:t|tok|tokens|[KMG]i?B)\/s\b/g;

/**
 * A line of the server's log as clients may see it. Null for a line with a path or the address of a file:
 * clients do not learn the folders of a server, and addresses can contain keys.
 */
export function publicLine(line: string): string | null {
  return /[\\/]/.test(line.replace(ORIGIN, "").replace(FRACTION, "")) ? null : line;
}
