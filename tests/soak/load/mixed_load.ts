import { delay } from "@std/async/delay";
import { Random } from "../../grammar/random.ts";
import { REQUESTS } from "./requests.ts";
import { send, sendOverSocket } from "./send.ts";
import type { Tally } from "./tally.ts";

/** Share of requests over a WebSocket. */
const SOCKET_SHARE = 0.08;
/** Seconds before a client that got an error asks again, unless the server says when. */
const RETRY_S = 0.2;

/** Clients that send one request of any kind after the other. */
export class MixedLoad implements AsyncDisposable {
  #isOver = false;
  readonly #clients: readonly Promise<void>[];

  /** @param count Number of clients. */
  constructor(base: string, tally: Tally, random: Random, count: number) {
    this.#clients = Array.from({ length: count }, () => {
      // Each client has numbers of its own, so that its requests do not depend on the others' pace.
      const own = new Random(random.between(0, 2 ** 31));
      return this.#run(base, tally, own);
    });
  }

  async #run(base: string, tally: Tally, random: Random): Promise<void> {
    while (!this.#isOver) {
      const isSocket = random.chance(SOCKET_SHARE);
      const kind = random.pick(REQUESTS);
      const outcome = await (isSocket ? sendOverSocket(base, random) : send(base, kind, random));
      tally.add(isSocket ? "websocket" : kind.name, outcome);
      if (outcome.is === "answered" || this.#isOver) continue;
      const wait = outcome.is === "refused" ? outcome.retryAfter : null;
      await delay((wait ?? RETRY_S) * 1000);
    }
  }

  /** Ends the load when all requests have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }
}
