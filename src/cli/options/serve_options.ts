import { isOlder } from "../../deno_version.ts";
import { DEFAULT_KEEP_ALIVE, type KeepAlive, parseKeepAlive } from "../../models/entry/mod.ts";
import { flag, integer, parallel, sizeWithin, text, texts } from "./option_kinds.ts";
import { type Option, UsageError, type Values } from "./options.ts";

/** The folder of signed keys, as `serve` and the commands for keys take it. */
export const KEYS_DIR = {
  isPath: true,
  env: "SHIMMY_KEYS_DIR",
  help: "folder of signed keys; default: keys in the user's configuration folder",
} as const;

/** The options of `serve`. */
export const SERVE_OPTIONS = {
  "bind": text("ADDR:PORT|unix:PATH|auto", {
    env: "SHIMMY_BIND_ADDRESS",
    help: "address or socket to listen on; auto: 127.0.0.1 and the first free port from 11435",
  }),
  "port": integer({
    env: "SHIMMY_PORT",
    min: 0,
    max: 65_535,
    fallback: null,
    help: "port to listen on when --bind has none; 0: any free port",
  }),
  "ollama": {
    ...text("ADDR:PORT", {
      env: "SHIMMY_OLLAMA",
      help:
        "also listen where clients of Ollama connect, with Ollama's routes; default 127.0.0.1:11434",
    }),
    bare: "auto",
  },
  "model-path": text("FILE", {
    isPath: true,
    short: "m",
    env: "SHIMMY_BASE_GGUF",
    help: "default model: a file, or an hf:, ollama: or https: reference, which is pulled first",
  }),
  "alias": aliases(),
  "yes": flag({ help: "pull a missing default model without asking" }),
  "api-key": text("KEY", { env: "SHIMMY_API_KEY", help: "API key that clients must send" }),
  "keys-dir": text("DIR", KEYS_DIR),
  "tls-cert": text("FILE", {
    isPath: true,
    help: "certificate chain in PEM; the server speaks HTTPS and reads a changed file again",
  }),
  "tls-key": text("FILE", { isPath: true, help: "private key of the certificate in PEM" }),
  "store": text("URL", {
    env: "SHIMMY_STORE",
    help:
      "redis:// or rediss:// URL of a store that several servers share: stored responses, revoked keys, " +
      "and the counters of keys",
  }),
  "audit": text("FILE", {
    isPath: true,
    help: "append a JSON line for each request: time, key, route, model, tokens, status",
  }),
  "parallel": parallel(
    "maximum requests that a model runs in parallel; auto: 4, fewer if memory is short; default auto",
  ),
  "keep-alive": keepAlive(),
  "max-models": integer({
    env: "SHIMMY_MAX_MODELS",
    min: 1,
    fallback: null,
    help: "maximum loaded models; default: as many as fit into memory",
  }),
  "step-timeout": integer({
    min: 0,
    max: 86_400,
    fallback: null,
    help:
      "seconds without progress after which a model's process is ended and loaded again; 0: never; " +
      "default: by the model's size, at least 60",
  }),
  "request-timeout": integer({
    min: 1,
    max: 3_600,
    fallback: 60,
    help: "seconds for the head of a request, for its body, and without a request; default 60",
  }),
  "max-connections": integer({
    min: 1,
    max: 60_000,
    fallback: 1024,
    help: "connections beyond which those without a running request are closed; default 1024",
  }),
  "max-body": sizeWithin({
    env: "SHIMMY_MAX_BODY",
    min: "64KiB",
    // Texts of JavaScript have a maximum length of about twice as much.
    max: "256MiB",
    fallback: "32MiB",
    help: "maximum size of a request's body, 64KiB to 256MiB; a larger one gets 413; default 32MiB",
  }),
  "drain": integer({
    min: 0,
    max: 86_400,
    fallback: 30,
    help: "seconds that running requests have to finish when the server stops; default 30",
  }),
  "cors-origin": texts("ORIGIN", {
    help: "origin of web pages that may use the server; *: any origin",
  }),
  "allow-remote-media": remoteHosts(),
  "strict": flag({
    help: "reject request fields that have no effect instead of ignoring them",
  }),
  "no-ui": flag({ help: "do not serve the web page" }),
  "open": flag({ help: "open the web page in the browser" }),
  "in-process": flag({
    help: "run CPU models inside the server's process instead of one process each",
  }),
  "insecure": flag({ help: "allow an address beyond this machine without an API key" }),
} as const;

export type ServeValues = Values<typeof SERVE_OPTIONS>;

function aliases(): Option<Readonly<Record<string, string>>> {
  return {
    value: "NAME=MODEL",
    repeatable: true,
    help: "another name for a model; *=MODEL: every unknown name",
    read: (given, label) =>
      Object.fromEntries(given.map((text) => {
        const [, alias, name] = /^([^=]+)=(.+)$/.exec(text) ?? [];
        if (alias !== undefined && name !== undefined) return [alias.toLowerCase(), name];
        throw new UsageError(`${label}: must be NAME=MODEL, not '${text}'`);
      })),
  };
}

/** A host name, a name behind `*.`, `*` or an address, with an optional port. */
const REMOTE_HOST = /^(?:\*|(?:\*\.)?[^\s*:/\[\]@?#]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The first version of Deno whose `node:http` and `node:https` take a `lookup`, without which they resolve a
 * name themselves: to another address, perhaps, than the one that was checked.
 */
const REMOTE_MEDIA_SINCE = [2, 7, 13] as const;

/** @param version that of Deno */
export function remoteHosts(version = Deno.version.deno): Option<readonly string[]> {
  return {
    value: "HOST,...",
    repeatable: true,
    help:
      "hosts whose images the server fetches for requests: HOST, HOST:PORT, *.HOST, or * for all public " +
      "ones; default: none",
    read: (given, label) => {
      const hosts = given.flatMap((text) => text.split(",")).map((host) => host.trim())
        .filter((host) => host !== "");
      const wrong = hosts.find((host) =>
        !REMOTE_HOST.test(host) || !URL.canParse(`http://${host.replace(/^\*\.?(?=.)/, "a.")}`)
      );
      if (hosts.length > 0 && isOlder(version, REMOTE_MEDIA_SINCE)) {
        const needed = REMOTE_MEDIA_SINCE.join(".");
        throw new UsageError(`${label}: needs Deno ${needed} or newer; this is Deno ${version}`);
      }
      if (wrong === undefined) return hosts;
      const forms = "HOST, HOST:PORT, *.HOST or *";
      throw new UsageError(`${label}: must be hosts such as ${forms}, not '${wrong}'`);
    },
  };
}

function keepAlive(): Option<KeepAlive> {
  return {
    value: "TIME",
    env: "SHIMMY_KEEP_ALIVE",
    help: "time until an idle model is unloaded: 90s, 5m; 0: at once; -1: never; default 5m",
    read: ([given], label) =>
      given === undefined ? DEFAULT_KEEP_ALIVE : parseKeepAlive(given, label),
  };
}
