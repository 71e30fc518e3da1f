import { DEFAULT_HOST } from "./address.ts";
import { flag, text } from "./option_kinds.ts";
import { UsageError } from "./options.ts";

/**
 * Checks a key. Headers are Latin-1, and clients send other characters in different encodings.
 * @throws {UsageError} for a key that is not the same in the headers of all clients.
 */
export function checkApiKey(key: string): void {
  if (/^[\x21-\x7e]+$/.test(key)) return;
  throw new UsageError("--api-key: must consist of visible ASCII characters, as in a header");
}

/** Options of the commands that talk to a running server. */
export const SERVER_OPTIONS = {
  "host": text("URL", {
    env: "SHIMMY_HOST",
    help: `address of the server, or unix:PATH; default ${DEFAULT_HOST}`,
  }),
  "api-key": text("KEY", { env: "SHIMMY_API_KEY", help: "API key of the server" }),
} as const;

/** Options of the commands that use a running server, or do without one. */
export const ATTACH_OPTIONS = {
  "host": {
    ...SERVER_OPTIONS.host,
    help: `use the server at this address, or unix:PATH; default ${DEFAULT_HOST} if one answers`,
  },
  "api-key": SERVER_OPTIONS["api-key"],
  "local": flag({ help: "do not use a running server" }),
} as const;
