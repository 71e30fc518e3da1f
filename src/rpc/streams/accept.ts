import { delay } from "@std/async/delay";

/** Milliseconds until the next attempt after an error. */
const RETRY_MS = 50;

/**
 * The connections that a listener accepts until it is closed. An error of the system, such as too many open files
 * or a connection that its client has aborted, is not the end: later connections are accepted.
 */
export async function* acceptAll(
  listener: Pick<Deno.TcpListener, "accept">,
): AsyncGenerator<Deno.TcpConn> {
  while (true) {
    let connection: Deno.TcpConn;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (isClosed(error)) return;
      await delay(RETRY_MS);
      continue;
    }
    yield connection;
  }
}

/** Whether an error means that the listener was closed, before or during the call. */
function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
