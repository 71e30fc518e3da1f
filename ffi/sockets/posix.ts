import {
  addressOfBytes,
  canonicalAddress,
  type Connection,
  type ConnectionProbe,
} from "./connection.ts";

/** Constants of the systems, from `<sys/socket.h>` and `<poll.h>`. */
const SYSTEMS = {
  linux: { libc: "libc.so.6", AF_INET6: 10, MSG_DONTWAIT: 0x40, POLLRDHUP: 0x2000 },
  // The first byte of a `sockaddr` is its length here, the second the family.
  darwin: { libc: "libSystem.B.dylib", AF_INET6: 30, MSG_DONTWAIT: 0x80, POLLRDHUP: 0 },
} as const;

/** A system whose sockets are known here. */
export type PosixSystem = keyof typeof SYSTEMS;

const AF_INET = 2;
const MSG_PEEK = 2;
const SHUT_RDWR = 2;
const POLLIN = 1;
const POLLERR = 8;
const POLLHUP = 16;
const POLLNVAL = 32;
/** Bytes of `struct pollfd`. */
const POLLFD = 8;
/** Bytes of `struct sockaddr_storage`. */
const SOCKADDR = 128;
/** Descriptors in one `poll`: the default limit of open files on macOS, above which `poll` fails. */
const TOGETHER = 256;
/** The search ends here. */
const DESCRIPTORS = 65_536;

const SYMBOLS = {
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Polls the sockets. Deno does not expose their descriptors, so they are found by their addresses. */
export function posixProbe(os: PosixSystem): ConnectionProbe {
  return new PosixProbe(os);
}

export interface EndPoint {
  readonly port: number;
  readonly address: () => string;
}

/** The calls about sockets. */
export class SocketLibrary {
  readonly system: typeof SYSTEMS[PosixSystem];
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #name = new Uint8Array(SOCKADDR);
  readonly #nameView = new DataView(this.#name.buffer);
  readonly #nameLength = new Uint32Array(1);
  readonly #byte = new Uint8Array(1);

  constructor(system: PosixSystem) {
    this.system = SYSTEMS[system];
    this.#libc = Deno.dlopen(this.system.libc, SYMBOLS);
  }

  /** Returns at once which of `events`, or errors, each descriptor has. */
  poll(descriptors: readonly number[], events: number): readonly number[] {
    const polled = new DataView(new ArrayBuffer(POLLFD * descriptors.length));
    descriptors.forEach((descriptor, index) => {
      polled.setInt32(POLLFD * index, descriptor, true);
      polled.setInt16(POLLFD * index + 4, events, true);
    });
    this.#libc.symbols.poll(new Uint8Array(polled.buffer), BigInt(descriptors.length), 0);
    return descriptors.map((_, index) => polled.getInt16(POLLFD * index + 6, true));
  }

  /** Whether the other end has closed and all it sent was read. Consumes nothing. */
  isAtEnd(descriptor: number): boolean {
    const flags = MSG_PEEK | this.system.MSG_DONTWAIT;
    return this.#libc.symbols.recv(descriptor, this.#byte, 1n, flags) === 0n;
  }

  /** One end of a TCP connection; null if the descriptor is no TCP connection. */
  endPoint(end: "getpeername" | "getsockname", descriptor: number): EndPoint | null {
    this.#nameLength[0] = SOCKADDR;
    const length = new Uint8Array(this.#nameLength.buffer);
    if (this.#libc.symbols[end](descriptor, this.#name, length) !== 0) return null;
    return toEndPoint(this.#nameView, this.system.AF_INET6);
  }

  /** Ends both directions of a connection. */
  shutdown(descriptor: number): void {
    this.#libc.symbols.shutdown(descriptor, SHUT_RDWR);
  }

  close(): void {
    this.#libc.close();
  }
}

/** The open descriptors. The system assigns the lowest free one, so there are no wide gaps. */
export function* openDescriptors(library: SocketLibrary): Generator<number> {
  for (let first = 0; first < DESCRIPTORS; first += TOGETHER) {
    const all = Array.from({ length: TOGETHER }, (_, index) => first + index);
    const events = library.poll(all, 0);
    const open = all.filter((_, index) => (events[index]! & POLLNVAL) === 0);
    if (open.length === 0) return;
    yield* open;
  }
}

class PosixProbe implements ConnectionProbe {
  readonly #library: SocketLibrary;
  /** Null: not found. */
  readonly #descriptors = new WeakMap<Connection, number | null>();

  constructor(system: PosixSystem) {
    this.#library = new SocketLibrary(system);
  }

  closed(connections: Iterable<Connection>): Connection[] {
    const known = [...connections].flatMap((connection) => {
      const descriptor = this.#descriptorOf(connection);
      return descriptor === null ? [] : [{ connection, descriptor }];
    });
    if (known.length === 0) return [];
    const { POLLRDHUP } = this.#library.system;
    const events = this.#library.poll(
      known.map(({ descriptor }) => descriptor),
      POLLIN | POLLRDHUP,
    );
    return known.filter(({ descriptor }, index) => {
      const event = events[index]!;
      if ((event & (POLLERR | POLLHUP | POLLRDHUP)) !== 0) return true;
      return (event & POLLIN) !== 0 && this.#library.isAtEnd(descriptor);
    }).map(({ connection }) => connection);
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }

  #descriptorOf(connection: Connection): number | null {
    let descriptor = this.#descriptors.get(connection);
    if (descriptor === undefined) {
      descriptor = this.#find(connection);
      this.#descriptors.set(connection, descriptor);
    } else if (descriptor !== null && this.#isOther(descriptor, connection)) {
      descriptor = null;
      this.#descriptors.set(connection, null);
    }
    return descriptor;
  }

  #find({ remote, localPort }: Connection): number | null {
    const address = canonicalAddress(remote.hostname);
    for (const descriptor of openDescriptors(this.#library)) {
      const peer = this.#library.endPoint("getpeername", descriptor);
      if (peer?.port !== remote.port || peer.address() !== address) continue;
      const own = this.#library.endPoint("getsockname", descriptor);
      if (own?.port === localPort) return descriptor;
    }
    return null;
  }

  /** Whether the descriptor now belongs to another connection. A reset connection has no peer. */
  #isOther(descriptor: number, { remote }: Connection): boolean {
    const peer = this.#library.endPoint("getpeername", descriptor);
    return peer !== null &&
      (peer.port !== remote.port || peer.address() !== canonicalAddress(remote.hostname));
  }
}

/** The address in a `sockaddr_in` or `sockaddr_in6`; null for any other family. */
export function toEndPoint(name: DataView, AF_INET6: number): EndPoint | null {
  const family = AF_INET6 === SYSTEMS.darwin.AF_INET6 ? name.getUint8(1) : name.getUint16(0, true);
  if (family !== AF_INET && family !== AF_INET6) return null;
  const [start, length] = family === AF_INET ? [4, 4] : [8, 16];
  return {
    port: name.getUint16(2),
    address: () => addressOfBytes(new Uint8Array(name.buffer, name.byteOffset + start, length)),
  };
}
