import { DEFAULT_KEEP_ALIVE, type KeepAlive, parseKeepAlive } from "../../models/entry/mod.ts";
import { flag, integer, text, texts } from "./option_kinds.ts";
import type { Option, Values } from "./options.ts";

/** The options of `serve`. */
export const SERVE_OPTIONS = {
  "bind": text("ADDR:PORT|auto", {
    env: "SHIMMY_BIND_ADDRESS",
    help: "where to listen; auto is 127.0.0.1 and the first free port from 11435",
  }),
  "port": integer({
    env: "SHIMMY_PORT",
    min: 0,
    max: 65_535,
    fallback: null,
    help: "the port, where --bind names none; 0: any free one",
  }),
  "model-path": text("FILE", {
    env: "SHIMMY_BASE_GGUF",
    help: "the default model; hf:, ollama: and https: references are pulled first",
  }),
  "yes": flag({ help: "pull a default model that is not here without asking" }),
  "api-key": text("KEY", { env: "SHIMMY_API_KEY", help: "what clients must send" }),
  "parallel": integer({
    min: 1,
    max: 256,
    fallback: 4,
    help: "answers that run at once; the default is 4",
  }),
  "keep-alive": keepAlive(),
  "max-models": integer({
    env: "SHIMMY_MAX_MODELS",
    min: 1,
    fallback: null,
    help: "models that are loaded at once, at most; without it, as many as memory has room for",
  }),
  "cors-origin": texts("ORIGIN", { help: "a web page's origin that may call; * for any" }),
  "in-process": flag({
    help: "run models inside the server's process, not each in its own; on a GPU each has its own",
  }),
  "insecure": flag({ help: "listen beyond this machine without a key" }),
} as const;

export type ServeValues = Values<typeof SERVE_OPTIONS>;

function keepAlive(): Option<KeepAlive> {
  return {
    value: "TIME",
    env: "SHIMMY_KEEP_ALIVE",
    help: "how long an idle model stays loaded: 90s, 5m, 0 not at all, -1 for ever; default 5m",
    read: ([given], label) =>
      given === undefined ? DEFAULT_KEEP_ALIVE : parseKeepAlive(given, label),
  };
}
