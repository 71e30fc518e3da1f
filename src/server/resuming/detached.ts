import { ShimmyError } from "../../errors.ts";
import type { Caller } from "../answers/mod.ts";
import type { Exchange } from "../http/mod.ts";
import { nameAnswer } from "./answer_names.ts";

/** Maximum answers of a server, and of one of its clients, that may go on without their clients. */
const MAX_DETACHED = 64;
const MAX_OF_CLIENT = 48;

/** The clients of the detached answers that run, for each server. */
const running = new WeakMap<object, (string | undefined)[]>();

/**
 * Counts a detached answer until it ends.
 * @throws {ShimmyError} `overloaded` if too many detached answers run.
 */
export function countDetached({ context: { settings }, client, onEnd }: Counted): void {
  const places = running.get(settings) ?? [];
  running.set(settings, places);
  const own = client === undefined ? [] : places.filter((one) => one === client);
  if (places.length >= MAX_DETACHED || own.length >= MAX_OF_CLIENT) {
    const message = own.length >= MAX_OF_CLIENT
      ? `At most ${MAX_OF_CLIENT} detached answers of a client can run at a time`
      : `At most ${MAX_DETACHED} detached answers can run at a time`;
    throw new ShimmyError("overloaded", message, { retryAfter: 1 });
  }
  places.push(client);
  onEnd(() => void places.splice(places.indexOf(client), 1));
}

/** Whether an answer goes on without its client; a text is also its name. */
export type Detach = boolean | string | null | undefined;

/** What a count needs of a caller. */
interface Counted extends Pick<Caller, "context" | "client"> {
  readonly onEnd: (callback: () => void) => void;
}

/**
 * The caller of a streamed answer; if the answer is detached, a client that leaves does not cancel it. The
 * exchange ends with the answer in any case. A server that shuts down waits for detached answers as for
 * those of WebSockets.
 *
 * @param detach whether the answer is detached, or the name by which it can be found.
 * @param id id of the answer.
 * @throws {ShimmyError} `overloaded` if too many detached answers run, `cancelled` if the client has left,
 * and as {@linkcode nameAnswer} does.
 */
export function callerOf(exchange: Exchange, detach: Detach, id: string): Caller {
  if (!detach) return exchange;
  const { context, key, requestId, client, receipts } = exchange;
  // Nobody has been told of the answer.
  if (exchange.signal.aborted) throw new ShimmyError("cancelled", "The request was cancelled");
  const onKnown = typeof detach === "string" ? nameAnswer(exchange, detach, id) : undefined;
  const { socketAnswers } = context;
  countDetached({ context, client, onEnd: (callback) => exchange.onEnd(callback) });
  const { promise, resolve } = Promise.withResolvers<void>();
  socketAnswers?.add(promise);
  exchange.onEnd(() => {
    socketAnswers?.delete(promise);
    resolve();
  });
  return {
    ...{ context, key, requestId, client, receipts },
    signal: new AbortController().signal,
    onEnd: (callback) => exchange.onEnd(callback),
    onHold(callback) {
      const { signal } = exchange;
      exchange.onHold((isHeld) => callback(isHeld && !signal.aborted));
      signal.addEventListener("abort", () => callback(false), { once: true });
    },
    setQueuePlace: (place) => exchange.setQueuePlace(place),
    setPrefix: (hash) => exchange.setPrefix(hash),
    recordUsage: (usage) => exchange.recordUsage(usage),
    ...(onKnown === undefined ? {} : { onKnown }),
  };
}
