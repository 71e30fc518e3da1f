import { openSharedStore, type SharedStore } from "../../shared_store/mod.ts";
import { UsageError } from "../options/mod.ts";
import type { Log } from "./log.ts";

/**
 * Opens the store of `--store`. The log tells when it cannot be used, and when it can be used again.
 *
 * @throws {UsageError} for a text that is not its URL.
 */
export async function openStore(
  given: string,
  log: Pick<Log, "info" | "warn">,
): Promise<SharedStore & AsyncDisposable> {
  const url = URL.parse(given);
  if (url === null || !isStore(url)) {
    // Not what was given: it may contain a password.
    throw new UsageError(
      "--store: must be redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] with a number as DATABASE, or rediss:// " +
        "for TLS",
    );
  }
  const store = `The store ${url.protocol}//${url.host}`;
  return await openSharedStore(given, {
    lost: (reason) =>
      log.warn(`${store} cannot be reached; this server goes on without it: ${reason}`),
    refused: (command, reason) =>
      log.warn(`${store} refuses ${command}; this server goes on without it: ${reason}`),
    found: () => log.info(`${store} can be reached again`),
  });
}

/** The client ignores a database that is no number, and takes parameters of a query for its own options. */
function isStore(url: URL): boolean {
  const { protocol, hostname, pathname, search, hash } = url;
  return /^rediss?:$/.test(protocol) && hostname !== "" && /^(?:\/\d{0,9})?$/.test(pathname) &&
    search === "" && hash === "" && isDecodable(url);
}

/** Whether the percent signs of a URL encode something: the client decodes its user name and password. */
function isDecodable({ username, password }: URL): boolean {
  try {
    for (const part of [username, password]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
