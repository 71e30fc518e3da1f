/** The state of TCP connections, which Deno does not report. */
import { AcceptedConnections } from "./accepted.ts";
import type { ConnectionProbe } from "./connection.ts";
import { posixProbe } from "./posix.ts";
import { windowsProbe } from "./windows.ts";

export { type AcceptedConnection, AcceptedConnections } from "./accepted.ts";
export type { Connection, ConnectionProbe } from "./connection.ts";

/** Opens the probe of this system, or returns null if there is none. */
export function openConnectionProbe(): ConnectionProbe | null {
  switch (Deno.build.os) {
    case "linux":
    case "darwin":
      return posixProbe(Deno.build.os);
    case "windows":
      return windowsProbe();
    default:
      return null;
  }
}

/** Opens the list of accepted connections, or returns null if this system has none. */
export function openAcceptedConnections(): AcceptedConnections | null {
  const { os } = Deno.build;
  return os === "linux" || os === "darwin" ? new AcceptedConnections(os) : null;
}
