import { openSharedStore, type SharedStore } from "../../shared_store/mod.ts";
import { UsageError } from "../options/mod.ts";
import type { Log } from "./log.ts";

/**
 * Opens the store of `--store`. The log tells when it cannot be reached, and when it can be reached again.
 *
 * @throws {UsageError} for a text that is not its URL.
 */
export async function openStore(
  given: string,
  log: Pick<Log, "info" | "warn">,
): Promise<SharedStore & AsyncDisposable> {
  const url = URL.parse(given);
  if (
    url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === "" || !isDecodable(url)
  ) {
    // Not what was given: it may contain a password.
    throw new UsageError("--store: must be a redis:// or rediss:// URL with a host");
  }
  const store = `The store ${url.protocol}//${url.host}`;
  return await openSharedStore(given, {
    lost: (reason) =>
      log.warn(`${store} cannot be reached; this server goes on without it: ${reason}`),
    found: () => log.info(`${store} can be reached again`),
  });
}

/** Whether the percent signs of a URL encode something: the client decodes its user name and password. */
function isDecodable({ username, password, pathname }: URL): boolean {
  try {
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
