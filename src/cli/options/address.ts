import { UsageError } from "./options.ts";

/** The first and the last port that are tried where none is named. */
const FIRST_PORT = 11_435;
const LAST_PORT = 11_535;
const LOOPBACK = "127.0.0.1";

/** Where to listen. */
export interface Address {
  readonly hostname: string;
  /** Tried in order until one is free. */
  readonly ports: readonly number[];
}

/**
 * Reads `--bind`: `auto`, `ADDRESS`, `ADDRESS:PORT` or `:PORT`; IPv6 addresses stand in brackets where a
 * port follows. Without a port anywhere, the customary one or the first free one after it.
 *
 * @param port `--port`, for an address that names none.
 * @throws {UsageError} when it is none of these.
 */
export function parseAddress(bind: string | null, port: number | null, label = "--bind"): Address {
  const ports = port === null ? customaryPorts() : [port];
  if (bind === null || bind === "auto") return { hostname: LOOPBACK, ports };
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/i.exec(bind) ??
    // An IPv6 address by itself has colons of its own.
    (/^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*$/i.test(bind) ? [bind, bind] : null);
  const own = match?.[3] === undefined ? null : Number(match[3]);
  if (match === null || bind === "" || (own !== null && own > 65_535)) {
    throw new UsageError(`${label}: must be auto, ADDRESS or ADDRESS:PORT, not '${bind}'`);
  }
  return { hostname: match[1] || match[2] || LOOPBACK, ports: own === null ? ports : [own] };
}

function customaryPorts(): number[] {
  return Array.from({ length: LAST_PORT - FIRST_PORT + 1 }, (_, i) => FIRST_PORT + i);
}

/** True when only this machine can reach an address. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** An address as people write it, with brackets around IPv6. */
export function formatAddress(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
