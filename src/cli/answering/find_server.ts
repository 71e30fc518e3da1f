import { messageOf } from "../../errors.ts";
import { type ATTACH_OPTIONS, isLoopback, type Values } from "../options/mod.ts";
import type { ServerClient } from "../client/mod.ts";
import type { Environment } from "../environment/mod.ts";
import { printable } from "../output/mod.ts";

/** Milliseconds in which a server on this machine accepts a connection. */
const CONNECT_MS = 300;

/** A server that answers, and whether the user has named it. */
export interface FoundServer {
  readonly client: ServerClient;
  readonly isNamed: boolean;
}

/**
 * The server that a command uses: the named one, else the one at the default address if it answers;
 * null: none.
 */
export async function findServer(
  values: Values<typeof ATTACH_OPTIONS>,
  environment: Environment,
  signal: AbortSignal,
): Promise<FoundServer | null> {
  if (values.local) return null;
  const options = { env: environment.env, signal };
  const host = values.host ?? environment.defaultServer;
  if (host === null || (values.host === null && !await accepts(host))) return null;
  const { ServerClient } = await import("../client/mod.ts");
  const client = new ServerClient({ ...values, host }, options);
  if (values.host !== null) return { client, isNamed: true };
  try {
    await client.list();
    return { client, isNamed: false };
  } catch (error) {
    if (signal.aborted) throw error;
    // Another program may listen there, or the server may need a key that this command does not have.
    environment.output.note(printable(`Going on without a server: ${messageOf(error)}`));
    return null;
  }
}

/** Whether a program listens at an address of this machine: cheaper to find out than by a request. */
async function accepts(host: string): Promise<boolean> {
  const { hostname, port } = new URL(`http://${host}`);
  if (!isLoopback(hostname)) return false;
  const connection = Deno.connect({ hostname, port: Number(port) });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => timer = setTimeout(() => resolve(null), CONNECT_MS));
  const opened = await Promise.race([connection.catch(() => null), late]);
  clearTimeout(timer);
  if (opened === null) connection.then((late) => late.close(), () => {});
  opened?.close();
  return opened !== null;
}
