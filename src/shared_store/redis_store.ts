import { delay } from "@std/async/delay";
import { Redis } from "ioredis";
import { messageOf } from "../errors.ts";
import type { SharedStore, StoreNotices } from "./shared_store.ts";

/** Names of all texts begin with this, so that other programs can use the same database. */
const PREFIX = "shimmy:";

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
  #isLost = false;

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
    client.on("ready", () => store.#found());
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
    return this.#try(() => this.#client.get(name), undefined);
  }

  set(name: string, text: string, seconds: number): Promise<boolean> {
    return this.#try(async () => await this.#client.set(name, text, "EX", seconds) === "OK", false);
  }

  replace(name: string, before: string | null, after: string): Promise<boolean> {
    const mark = before === null ? "0" : "1";
    return this.#try(
      async () => await this.#client.eval(REPLACE, 1, name, mark, before ?? "", after) === 1,
      false,
    );
  }

  delete(name: string): Promise<boolean> {
    return this.#try(async () => {
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

  async #try<T>(command: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      const result = await command();
      this.#found();
      return result;
    } catch (error) {
      this.#lost(error);
      return otherwise;
    }
  }

  #lost(error: unknown): void {
    if (!this.#isLost) this.#notices.lost(messageOf(error));
    this.#isLost = true;
  }

  #found(): void {
    if (this.#isLost) this.#notices.found();
    this.#isLost = false;
  }
}
