import {
  addressOfBytes,
  canonicalAddress,
  type Connection,
  type ConnectionProbe,
} from "./connection.ts";

/** `TCP_TABLE_OWNER_PID_ALL` of `<iprtrmib.h>`. */
const TABLE = 5;
const ERROR_INSUFFICIENT_BUFFER = 122;
/** `MIB_TCP_STATE_CLOSE_WAIT` of `<tcpmib.h>`: the other end has closed. */
const CLOSE_WAIT = 8;

/** Byte offsets of the fields of `MIB_TCPROW_OWNER_PID` and `MIB_TCP6ROW_OWNER_PID`. */
export const WINDOWS_ROWS = {
  IPv4: {
    family: 2,
    size: 24,
    state: 0,
    localPort: 8,
    remote: 12,
    remoteLength: 4,
    remotePort: 16,
  },
  IPv6: {
    family: 23,
    size: 56,
    state: 48,
    localPort: 20,
    remote: 24,
    remoteLength: 16,
    remotePort: 44,
  },
} as const;

const SYMBOLS = {
  GetExtendedTcpTable: {
    parameters: ["buffer", "buffer", "i32", "u32", "i32", "u32"],
    result: "u32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** Reads the system's table of connections. */
export function windowsProbe(): ConnectionProbe {
  const library = Deno.dlopen("iphlpapi.dll", SYMBOLS);
  return {
    closed(connections) {
      const closed = new Set<string>();
      for (const row of [WINDOWS_ROWS.IPv4, WINDOWS_ROWS.IPv6]) {
        const table = readTable(library.symbols, row.family);
        if (table !== null) closedIn(table, row).forEach((key) => closed.add(key));
      }
      return [...connections].filter((connection) => closed.has(keyOf(connection)));
    },
    [Symbol.dispose]: () => library.close(),
  };
}

function readTable(
  { GetExtendedTcpTable }: Deno.DynamicLibrary<typeof SYMBOLS>["symbols"],
  family: number,
): DataView | null {
  const size = new Uint32Array([16_384]);
  const sizeBytes = new Uint8Array(size.buffer);
  // The table can grow between two calls.
  for (let tries = 0; tries < 4; tries++) {
    const table = new Uint8Array(size[0]!);
    const status = GetExtendedTcpTable(table, sizeBytes, 0, family, TABLE, 0);
    if (status === 0) return new DataView(table.buffer);
    if (status !== ERROR_INSUFFICIENT_BUFFER) return null;
  }
  return null;
}

function keyOf({ remote, localPort }: Connection): string {
  return `${canonicalAddress(remote.hostname)} ${remote.port} ${localPort}`;
}

/** The connections of a table that the other end has closed, as {@linkcode keyOf} writes them. */
export function closedIn(
  table: DataView,
  row: typeof WINDOWS_ROWS[keyof typeof WINDOWS_ROWS],
): string[] {
  const closed: string[] = [];
  const count = table.getUint32(0, true);
  for (let index = 0; index < count; index++) {
    const at = 4 + index * row.size;
    if (table.getUint32(at + row.state, true) !== CLOSE_WAIT) continue;
    const address = new Uint8Array(table.buffer, at + row.remote, row.remoteLength);
    const remotePort = table.getUint16(at + row.remotePort);
    const localPort = table.getUint16(at + row.localPort);
    closed.push(`${addressOfBytes(address)} ${remotePort} ${localPort}`);
  }
  return closed;
}
