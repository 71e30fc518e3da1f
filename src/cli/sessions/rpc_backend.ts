import { locateBackend } from "../../../ffi/library/locate.ts";
import { ShimmyError } from "../../errors.ts";

/** @throws {ShimmyError} `backend`, with the ways to get it, if the libraries in a folder have no RPC backend. */
export function requireRpcBackend(folder: string, what: string): void {
  if (locateBackend(folder, "rpc", Deno.build.os) !== null) return;
  throw new ShimmyError(
    "backend",
    `${what}: the libraries have no RPC backend; set SHIMMY_LIBLLAMA to the folder that ` +
      "`shimmy runtime install cpu --archive` prints, or to that of `deno task build:rpc` in a clone",
    { detail: folder },
  );
}
