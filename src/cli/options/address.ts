import { UsageError } from "./options.ts";

/** The first and the last port to try when none is given. */
const FIRST_PORT = 11_435;
const LAST_PORT = 11_535;
/** The port of Ollama's server. */
const OLLAMA_PORT = 11_434;
const LOOPBACK = "127.0.0.1";

/** The address on which `serve` listens by default. */
export const DEFAULT_HOST = `${LOOPBACK}:${FIRST_PORT}`;

/** A path of a Unix domain socket. */
export interface SocketPath {
  readonly path: string;
}

/** An address to listen on. */
export interface Address {
  readonly hostname: string;
  /** Tried in order until one is free. */
  readonly ports: readonly number[];
}

/**
 * Reads `--bind`: `auto`, `ADDRESS`, `ADDRESS:PORT` or `:PORT`. An IPv6 address before a port stands in
 * brackets. Without a port, the default ports are tried in order.
 *
 * @param port `--port`, for an address without a port.
 * @throws {UsageError} when `bind` has another form.
 */
export function parseAddress(bind: string | null, port: number | null, label = "--bind"): Address {
  const ports = port === null ? defaultPorts() : [port];
  if (bind === null || bind === "auto") return { hostname: LOOPBACK, ports };
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/i.exec(bind) ??
    // An IPv6 address without a port contains colons too.
    (/^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(bind) ? [bind, bind] : null);
  const own = match?.[3] === undefined ? null : Number(match[3]);
  // A number alone would be the IPv4 address with this value, and is meant as a port.
  if (match === null || /^\d*$/.test(bind) || (own !== null && own > 65_535)) {
    throw new UsageError(`${label}: must be auto, ADDRESS or ADDRESS:PORT, not '${bind}'`);
  }
  return { hostname: match[1] || match[2] || LOOPBACK, ports: own === null ? ports : [own] };
}

/** The scheme of a socket's path in `--bind` and `--host`. */
const UNIX = "unix:";

/** The path of `unix:PATH`; null for any other text. */
export function socketPath(text: string): string | null {
  return text.startsWith(UNIX) ? text.slice(UNIX.length) : null;
}

/**
 * Reads `--bind`: `unix:PATH`, or a form of {@linkcode parseAddress}.
 *
 * @throws {UsageError} when `bind` has another form, and for a socket where there are none.
 */
export function parseBind(
  bind: string | null,
  port: number | null,
  os: typeof Deno.build.os = Deno.build.os,
): Address | SocketPath {
  const path = bind === null ? null : socketPath(bind);
  if (path === null) return parseAddress(bind, port);
  if (os === "windows") throw new UsageError("--bind: unix: is not available on Windows");
  // sockaddr_un holds 108 bytes on Linux and 104 on macOS, with the final zero.
  const limit = os === "darwin" ? 103 : 107;
  const { length } = new TextEncoder().encode(path);
  if (length > 0 && length <= limit && !path.includes("\0")) return { path };
  throw new UsageError(
    `--bind: the path of a socket must have 1 to ${limit} bytes, not ${length}`,
  );
}

/**
 * Reads `--ollama`, in the forms of `--bind`. Without a port, the port is that of Ollama's server.
 *
 * @throws {UsageError} when `given` has another form.
 */
export function parseOllamaAddress(given: string): Address {
  return parseAddress(given, OLLAMA_PORT, "--ollama");
}

function defaultPorts(): number[] {
  return Array.from({ length: LAST_PORT - FIRST_PORT + 1 }, (_, i) => FIRST_PORT + i);
}

/** Whether only this machine can reach an address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** An address as text, with brackets around IPv6. */
export function formatAddress(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
