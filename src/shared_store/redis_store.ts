import { delay } from "@std/async/delay";
import { Redis, ReplyError } from "ioredis";
import { messageOf } from "../errors.ts";
import { ReplyGuard } from "./reply_guard.ts";
import type { SharedStore, StoreNotices } from "./shared_store.ts";

/** Names of all texts begin with this, so that other programs can use the same database. */
const PREFIX = "shimmy:";

/** A name that no text has, for a question after a connection. */
const PROBE = "ready";

/** What fails if it is not a command. */
const CONNECTION = "connection";

/** Milliseconds that a start waits for a connection, and that a request waits for a command. */
const CONNECT_MS = 2_000;
const COMMAND_MS = 1_000;

/**
 * Milliseconds without an answer until a connection counts as lost. Commands fail at once from then on. The
 * system would keep a connection to a machine that has disappeared for minutes.
 */
const SILENCE_MS = 2_000;

/** Milliseconds until a connection that does not end is dropped. */
const DISCONNECT_MS = 50;

/** Milliseconds between two attempts to connect: longer after each one, up to a maximum. */
const RETRY_MS = 200;
const MOST_RETRY_MS = 5_000;

/** Milliseconds between two questions to a server that is loading its file. */
const LOADING_RETRY_MS = 500;

/** Sets a text if it is still the one before; an empty argument with the mark 0 stands for no text. */
const REPLACE = `
local now = redis.call("GET", KEYS[1])
if (ARGV[1] == "0" and now == false) or (ARGV[1] == "1" and now == ARGV[2]) then
  redis.call("SET", KEYS[1], ARGV[3])
  return 1
end
return 0
`;

export class RedisStore implements SharedStore, AsyncDisposable {
  readonly #client: Redis;
  readonly #notices: StoreNotices;
  /** What fails: the connection, and the commands that the store refuses. */
  readonly #failing = new Set<string>();

  private constructor(client: Redis, notices: StoreNotices) {
    this.#client = client;
    this.#notices = notices;
  }

  /** Connects. Where that fails or takes too long, the client goes on trying. */
  static async open(url: string, notices: StoreNotices): Promise<RedisStore> {
    const client = new Redis(url, {
      keyPrefix: PREFIX,
      lazyConnect: true,
      // A command without a connection fails at once: the server then does without the store.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_MS,
      commandTimeout: COMMAND_MS,
      socketTimeout: SILENCE_MS,
      maxLoadingRetryTime: LOADING_RETRY_MS,
      disconnectTimeout: DISCONNECT_MS,
      retryStrategy: (attempt) => Math.min(attempt * RETRY_MS, MOST_RETRY_MS),
    });
    const store = new RedisStore(client, notices);
    client.on("error", (error) => store.#lost(error));
    // Only an answer shows that the store can be used.
    client.on("ready", () => void store.get(PROBE));
    client.on("connect", () => guardReplies(client));
    // Until a server has read its file, a connection to it is not ready.
    const late = new AbortController();
    await Promise.race([
      client.connect().catch((error) => store.#lost(error)),
      delay(CONNECT_MS, late).then(() => store.#lost(new Error("it does not answer")), () => {}),
    ]);
    late.abort();
    return store;
  }

  get(name: string): Promise<string | null | undefined> {
    return this.#try("GET", () => this.#client.get(name), undefined);
  }

  set(name: string, text: string, seconds: number): Promise<boolean> {
    return this.#try(
      "SET",
      async () => await this.#client.set(name, text, "EX", seconds) === "OK",
      false,
    );
  }

  replace(name: string, before: string | null, after: string): Promise<boolean> {
    const mark = before === null ? "0" : "1";
    return this.#try(
      "EVAL",
      async () => await this.#client.eval(REPLACE, 1, name, mark, before ?? "", after) === 1,
      false,
    );
  }

  delete(name: string): Promise<boolean> {
    return this.#try("DEL", async () => {
      await this.#client.del(name);
      return true;
    }, false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isConnected = this.#client.status === "ready";
    const ended = new Promise<void>((resolve) => this.#client.once("end", () => resolve()));
    this.#client.disconnect();
    // Between two attempts, the client still has a timer for the connection before.
    await (isConnected ? ended : delay(DISCONNECT_MS));
  }

  async #try<T>(name: string, command: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      const result = await command();
      this.#found(name);
      return result;
    } catch (error) {
      this.#lost(error, error instanceof ReplyError ? name : CONNECTION);
      return otherwise;
    }
  }

  #lost(error: unknown, what = CONNECTION): void {
    const isNews = this.#failing.size === 0;
    this.#failing.add(what);
    if (!isNews) return;
    const reason = messageOf(error);
    if (what === CONNECTION) this.#notices.lost(reason);
    else this.#notices.refused(what, reason);
  }

  /** A command has succeeded. The store may still refuse others, such as all that write. */
  #found(command: string): void {
    const had = this.#failing.size;
    this.#failing.delete(CONNECTION);
    this.#failing.delete(command);
    if (had > 0 && this.#failing.size === 0) this.#notices.found();
  }
}

/** Ends the connection of a client instead of passing on what a store may not send. */
function guardReplies(client: Redis): void {
  const { stream } = client;
  const guard = new ReplyGuard();
  const emit = stream.emit.bind(stream) as (name: string, ...values: unknown[]) => boolean;
  let isRefused = false;
  stream.emit = (name: string, ...values: unknown[]) => {
    if (name !== "data") return emit(name, ...values);
    if (isRefused) return true;
    const replies = guard.read(values[0] as Uint8Array);
    if (replies !== null && replies <= client.commandQueue.length) return emit(name, ...values);
    isRefused = true;
    stream.destroy(new Error("it does not answer as a server of Valkey or Redis does"));
    return true;
  };
}
