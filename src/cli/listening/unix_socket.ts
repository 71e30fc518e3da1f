import { messageOf, ShimmyError } from "../../errors.ts";
import { type Handler, type Listener, serveHttp } from "../../server/mod.ts";

/** Only the owner may connect. */
const PRIVATE = 0o600;

/**
 * Listens on a Unix socket that only its owner may use. A socket that an ended server left is replaced.
 *
 * @throws {ShimmyError} `backend` when another server uses the path, or when it is no socket.
 */
export async function listenOnSocket(path: string, handler: Handler): Promise<Listener> {
  await removeUnused(path);
  // The mode must be right from the first moment, so that nobody connects before a `chmod`.
  const before = Deno.umask(0o777 & ~PRIVATE);
  try {
    const server = serveHttp({ path }, handler);
    const own = identityOf(path);
    return {
      addr: server.addr,
      async shutdown() {
        await server.shutdown();
        // Deno 2.4 leaves the socket. Another server may listen on one of its own by now, as requests had time
        // to finish.
        if (own !== null && identityOf(path) === own) await Deno.remove(path).catch(() => {});
      },
    };
  } catch (error) {
    throw failure(path, messageOf(error), error);
  } finally {
    Deno.umask(before);
  }
}

/** What tells a file from another one at the same path; null without a file. */
function identityOf(path: string): string | null {
  try {
    const { dev, ino, mtime } = Deno.lstatSync(path);
    return `${dev} ${ino} ${mtime?.getTime()}`;
  } catch {
    return null;
  }
}

async function removeUnused(path: string): Promise<void> {
  const info = await Deno.lstat(path).catch(() => null);
  if (info === null) return;
  if (!info.isSocket) throw failure(path, "a file with this name exists");
  const connection = await Deno.connect({ transport: "unix", path }).catch((error) => {
    // Nobody listens any more.
    if (error instanceof Deno.errors.ConnectionRefused) return null;
    throw failure(path, messageOf(error), error);
  });
  if (connection !== null) {
    connection.close();
    throw failure(path, "another server listens there");
  }
  await Deno.remove(path);
}

function failure(path: string, reason: string, cause?: unknown): ShimmyError {
  return new ShimmyError("backend", `Cannot listen on unix:${path}: ${reason}`, { cause });
}
