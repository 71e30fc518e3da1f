/** A host of `--allow-remote-media`. */
interface HostPattern {
  /** Host name or address as URLs have it; with `isWildcard` the part behind `*.`, empty for `*`. */
  readonly host: string;
  readonly isWildcard: boolean;
  /** Null: the default port of the scheme. */
  readonly port: string | null;
}

/** URLs leave out the default port of their scheme. */
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** Which addresses of a host may be connected to. */
export type Reach = "public" | "any";

/** The hosts that images may be fetched from. */
export class AllowedHosts {
  readonly #patterns: readonly HostPattern[];

  /** @param texts hosts with an optional port: a name, `*.NAME`, `*` or an address. */
  constructor(texts: readonly string[]) {
    this.#patterns = texts.map(toPattern);
  }

  /**
   * Whether a URL may be fetched: with `any` address if its host is an address that is listed itself, and
   * with `public` addresses otherwise. Null if its host is not listed.
   */
  reach(url: URL): Reach | null {
    const fitting = this.#patterns.filter((pattern) => fits(pattern, url));
    if (fitting.length === 0) return null;
    const isListed = isAddress(url.hostname) && fitting.some(({ isWildcard }) => !isWildcard);
    return isListed ? "any" : "public";
  }
}

/** True for the host of a URL that is an address and not a name. */
export function isAddress(hostname: string): boolean {
  // URLs have IPv6 addresses in brackets, and IPv4 addresses in four decimal parts.
  return hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}

function toPattern(text: string): HostPattern {
  const [, wildcard, name = "", port = null] =
    /^(\*\.?)?(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? [];
  // The spelling of URLs: lower case, Punycode, shortened addresses.
  const host = name === "" ? "" : new URL(`http://${name}`).hostname;
  return { host, isWildcard: wildcard !== undefined, port };
}

function fits({ host, isWildcard, port }: HostPattern, url: URL): boolean {
  if (url.port !== (port === null || port === DEFAULT_PORTS[url.protocol] ? "" : port)) {
    return false;
  }
  if (!isWildcard) return url.hostname === host;
  return host === "" || url.hostname.endsWith(`.${host}`);
}
