import { type Answer, answer, type AnswerEvent, type AnswerRequest } from "../../chat/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import type { Notice, Usage } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KeepAlive, ModelEntry } from "../../models/entry/mod.ts";
import { qualifiedName, type ResolvedModel, resolveModel, withAdapters } from "./model_names.ts";
import { queueOf } from "../metrics/mod.ts";
import type { Exchange } from "../http/mod.ts";

/** The recipient of a generated answer: an HTTP exchange, or a WebSocket for one of its requests. */
export type Caller = Pick<
  Exchange,
  "signal" | "context" | "requestId" | "onEnd" | "setQueuePlace" | "recordUsage"
>;

/**
 * The engine of the model that a request names, or of the default model; loads the model if needed. The
 * model stays loaded until the caller's exchange ends. All dialects get their engines here. For the name
 * `base:adapter`, the returned entry has that name.
 *
 * @param keepAlive how long the model stays loaded afterwards, when the request sets it.
 * @throws {ShimmyError} `not_found`, `backend`, or `cancelled` when the client disconnects meanwhile.
 */
export async function engineFor(
  caller: Caller,
  name: string | undefined,
  keepAlive?: KeepAlive,
): Promise<{ readonly entry: ModelEntry; readonly engine: Engine }> {
  return await engineForModel(caller, await resolveModel(caller.context.pool, name), keepAlive);
}

/** Like {@linkcode engineFor}, for a name that is resolved. */
export async function engineForModel(
  caller: Caller,
  named: ResolvedModel,
  keepAlive?: KeepAlive,
): Promise<{ readonly entry: ModelEntry; readonly engine: Engine }> {
  const { entry, adapter } = named;
  const files = await caller.context.pool.adapters(entry);
  caller.recordUsage({ model: qualifiedName(named) });
  const engine = await withAdapters(await engineForEntry(caller, entry, keepAlive), files, adapter);
  return { entry: { ...entry, name: qualifiedName(named) }, engine };
}

/** Like {@linkcode engineFor}, for a model entry. */
export async function engineForEntry(
  caller: Caller,
  entry: ModelEntry,
  keepAlive?: KeepAlive,
): Promise<Engine> {
  const lease = await caller.context.pool.lease(entry, caller.signal, keepAlive);
  caller.onEnd(() => lease[Symbol.dispose]());
  return lease.engine;
}

/**
 * Starts generation and cancels it as soon as the client disconnects, also before the first event and
 * between events, so that its KV cells are free within one step. All dialects generate through this
 * function, which also records metrics and queue places.
 */
export function bindAnswer(caller: Caller, engine: Engine, request: AnswerRequest): Answer {
  const { signal, context } = caller;
  const queued = queueOf(engine).add(caller.requestId);
  caller.onEnd(() => queued.remove());
  if (queued.place !== null) caller.setQueuePlace(queued.place);
  const inner = answer(engine, request);
  let isRecorded = false;
  const record = (usage: Partial<Usage>) => {
    if (!isRecorded) caller.recordUsage(usage);
    isRecorded = true;
  };
  const cancel = () => {
    // The last event, which has the usage, comes after the request is logged.
    record({ completionTokens: inner.completionTokens });
    inner.control({ type: "cancel" });
  };
  signal.addEventListener("abort", cancel, { once: true });
  const observer = context.metrics?.observeAnswer();

  async function* events(): AsyncGenerator<AnswerEvent, void> {
    try {
      if (signal.aborted) throw new ShimmyError("cancelled", "The request was cancelled");
      for await (const event of inner) {
        queued.started();
        observer?.event(event);
        if (event.type === "done") {
          record(event.usage);
          reportNotices(caller, event.notices);
        }
        yield event;
      }
    } catch (error) {
      observer?.failed();
      throw error;
    } finally {
      observer?.ended();
      queued.remove();
      signal.removeEventListener("abort", cancel);
    }
  }

  return {
    get completionTokens() {
      return inner.completionTokens;
    },
    control: (control) => inner.control(control),
    [Symbol.asyncIterator]: events,
  };
}

/** Reports notices with details for the operator, such as a fault of a native library. */
function reportNotices({ context, requestId }: Caller, notices: readonly Notice[] = []): void {
  for (const { message, detail } of notices) {
    if (detail === undefined) continue;
    context.report?.(new ShimmyError("backend", message, { detail }), requestId);
  }
}

/**
 * Like {@linkcode bindAnswer}, but resolves after the first event, so that an error of the request can
 * still set the status of the response. After `keepAliveMs` without an event it resolves anyway: the
 * stream must begin to send keep-alive comments, and a later error becomes an event of the stream.
 *
 * @throws {ShimmyError} the error of the first step of the iteration.
 */
export async function startAnswer(
  caller: Caller,
  engine: Engine,
  request: AnswerRequest,
): Promise<Answer> {
  const bound = bindAnswer(caller, engine, request);
  const iterator = bound[Symbol.asyncIterator]();
  const first = iterator.next();
  // A response that is cancelled before it was read does not iterate, and so would not end the iteration.
  caller.onEnd(() => void iterator.return!().catch(() => {}));
  await settledWithin(first, caller.context.settings.keepAliveMs);
  let pending: Promise<IteratorResult<AnswerEvent>> | null = first;
  return {
    get completionTokens() {
      return bound.completionTokens;
    },
    control: (control) => bound.control(control),
    [Symbol.asyncIterator]: () => ({
      next() {
        const result = pending ?? iterator.next();
        pending = null;
        return result;
      },
      return() {
        bound.control({ type: "cancel" });
        return iterator.return!();
      },
    }),
  };
}

/** Awaits a promise for at most `ms`; throws if it is rejected in that time. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  try {
    await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
