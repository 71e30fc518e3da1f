/** A TCP connection that this process accepted. */
export interface Connection {
  readonly remote: { readonly hostname: string; readonly port: number };
  readonly localPort: number;
}

/** Finds connections that the other end has closed. */
export interface ConnectionProbe extends Disposable {
  /** Those of `connections` that the other end has closed. A connection that is not found counts as open. */
  closed(connections: Iterable<Connection>): Connection[];
}

/** The canonical text of an address; IPv4 mapped into IPv6 becomes IPv4. */
export function canonicalAddress(hostname: string): string {
  if (!hostname.includes(":")) return hostname;
  const url = URL.parse(`http://[${hostname.replace(/%.*$/, "")}]`);
  if (url === null) return hostname;
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(url.hostname);
  if (mapped === null) return url.hostname;
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** The canonical text of an address in network byte order: 4 bytes of IPv4 or 16 of IPv6. */
export function addressOfBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) => {
    return ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16);
  });
  return canonicalAddress(groups.join(":"));
}
