/** The state of TCP connections, which Deno does not report. */
import type { ConnectionProbe } from "./connection.ts";
import { posixProbe } from "./posix.ts";
import { windowsProbe } from "./windows.ts";

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
