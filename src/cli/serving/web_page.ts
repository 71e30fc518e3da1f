import { type Address, formatAddress, type SocketPath, UsageError } from "../options/mod.ts";
import { messageOf } from "../../errors.ts";
import type { Log } from "./log.ts";

/** Addresses that mean all interfaces, and the address by which a browser of this machine reaches them. */
const ALL_INTERFACES: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Refuses `--open` where there is nothing to open. @throws {UsageError} */
export function checkOpen(
  { open, "no-ui": noUi }: { readonly open: boolean; readonly "no-ui": boolean },
  address: Address | SocketPath,
): void {
  if (!open) return;
  if (noUi) throw new UsageError("--open: --no-ui removes the page that it opens");
  if ("path" in address) throw new UsageError("--open: a browser cannot reach a Unix socket");
}

/** The address of the web page for a browser of this machine. */
export function pageAddress(scheme: "http" | "https", addr: Deno.NetAddr): string {
  const hostname = ALL_INTERFACES[addr.hostname] ?? addr.hostname;
  return `${scheme}://${formatAddress(hostname, addr.port)}`;
}

/** The program that opens an address in the user's browser, with its arguments. */
export function browserCommand(
  os: typeof Deno.build.os,
  url: string,
): readonly [string, ...string[]] {
  if (os === "darwin") return ["open", url];
  // `start` belongs to the command interpreter, which would interpret the address.
  if (os === "windows") return ["rundll32", "url.dll,FileProtocolHandler", url];
  return ["xdg-open", url];
}

/**
 * Opens an address in the user's browser. A server works without a browser, so a failure is a warning.
 * The program needs `--allow-run` for it alone.
 */
export async function openBrowser(url: string, log: Pick<Log, "warn">): Promise<void> {
  const [program, ...args] = browserCommand(Deno.build.os, url);
  try {
    const { state } = await Deno.permissions.query({ name: "run", command: program });
    if (state !== "granted") throw new Error(`--allow-run=${program} is not granted`);
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    // The program can run as long as the browser does.
    child.unref();
    const { success, code } = await child.status;
    if (!success) throw new Error(`it ended with status ${code}`);
  } catch (error) {
    log.warn(`--open: cannot open ${url} with ${program}: ${messageOf(error)}`);
  }
}
