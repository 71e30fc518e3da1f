import { type Answer, answer, type AnswerEvent, type AnswerRequest } from "../../chat/mod.ts";
import type { Engine } from "../../engine/mod.ts";
import type { Notice } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KeepAlive, ModelEntry } from "../../models/entry/mod.ts";
import { type NamedModel, nameOf, resolveNamed, withAdapters } from "./model_names.ts";
import { queueOf } from "../metrics/mod.ts";
import type { Exchange } from "../http/mod.ts";

/** Who waits for an answer: an exchange, or a WebSocket for one of its requests. */
export type Caller = Pick<
  Exchange,
  "signal" | "context" | "requestId" | "onEnd" | "setQueuePlace" | "recordUsage"
>;

/**
 * The engine of the model a request names, loaded if need be; without a name, of the default model. It
 * stays loaded until the caller's answer has ended: every dialect gets its engines here. The name
 * `base:adapter` means the model `base` with an adapter, and is then the entry's.
 *
 * @param keepAlive how long the model stays loaded after that, where the request says so.
 * @throws {ShimmyError} `not_found`, `backend`, or `cancelled` when the caller has gone meanwhile.
 */
export async function engineFor(
  caller: Caller,
  name: string | undefined,
  keepAlive?: KeepAlive,
): Promise<{ readonly entry: ModelEntry; readonly engine: Engine }> {
  return await engineOfNamed(caller, await resolveNamed(caller.context.pool, name), keepAlive);
}

/** Like {@linkcode engineFor}, of a name whose meaning is known already. */
export async function engineOfNamed(
  caller: Caller,
  named: NamedModel,
  keepAlive?: KeepAlive,
): Promise<{ readonly entry: ModelEntry; readonly engine: Engine }> {
  const { entry, adapter } = named;
  const files = await caller.context.pool.adapters(entry);
  caller.recordUsage({ model: nameOf(named) });
  const engine = await withAdapters(await engineOf(caller, entry, keepAlive), files, adapter);
  return { entry: { ...entry, name: nameOf(named) }, engine };
}

/** Like {@linkcode engineFor}, of a model that is known already. */
export async function engineOf(
  caller: Caller,
  entry: ModelEntry,
  keepAlive?: KeepAlive,
): Promise<Engine> {
  const lease = await caller.context.pool.lease(entry, caller.signal, keepAlive);
  caller.onEnd(() => lease[Symbol.dispose]());
  return lease.engine;
}

/**
 * An answer that is cancelled as soon as its caller has gone, even while the next event is being
 * waited for or before anybody iterates it, so that its KV cells are free within one step. All
 * dialects get their answers here; it is also where answers are counted.
 */
export function bindAnswer(caller: Caller, engine: Engine, request: AnswerRequest): Answer {
  const { signal, context } = caller;
  const ticket = queueOf(engine).enter(caller.requestId);
  caller.onEnd(() => ticket.leave());
  if (ticket.place !== null) caller.setQueuePlace(ticket.place);
  const inner = answer(engine, request);
  const cancel = () => inner.control({ type: "cancel" });
  signal.addEventListener("abort", cancel, { once: true });
  const watch = context.metrics?.watch();

  async function* events(): AsyncGenerator<AnswerEvent, void> {
    try {
      if (signal.aborted) throw new ShimmyError("cancelled", "The request was cancelled");
      for await (const event of inner) {
        ticket.begin();
        watch?.see(event);
        if (event.type === "done") {
          caller.recordUsage(event.usage);
          tellOperator(caller, event.notices);
        }
        yield event;
      }
    } catch (error) {
      watch?.fail();
      throw error;
    } finally {
      watch?.end();
      ticket.leave();
      signal.removeEventListener("abort", cancel);
    }
  }

  return { control: (control) => inner.control(control), [Symbol.asyncIterator]: events };
}

/** What an answer's notices have to say of the server itself. */
function tellOperator({ context, requestId }: Caller, notices: readonly Notice[] = []): void {
  for (const { message, detail } of notices) {
    if (detail === undefined) continue;
    context.report?.(new ShimmyError("backend", message, { detail }), requestId);
  }
}

/**
 * Like {@linkcode bindAnswer}, but resolves only when the first event is there, so that whatever is
 * wrong with the request is thrown while the status of the response can still tell it. When that takes
 * longer than `keepAliveMs`, the answer is handed out all the same: its stream must begin to send
 * keep-alive comments, and a failure becomes one of mid-stream.
 *
 * @throws {ShimmyError} What the first step of the iteration throws.
 */
export async function startAnswer(
  caller: Caller,
  engine: Engine,
  request: AnswerRequest,
): Promise<Answer> {
  const bound = bindAnswer(caller, engine, request);
  const iterator = bound[Symbol.asyncIterator]();
  const first = iterator.next();
  await settledWithin(first, caller.context.settings.keepAliveMs);
  let begun: Promise<IteratorResult<AnswerEvent>> | null = first;
  return {
    control: (control) => bound.control(control),
    [Symbol.asyncIterator]: () => ({
      next() {
        const result = begun ?? iterator.next();
        begun = null;
        return result;
      },
      return() {
        bound.control({ type: "cancel" });
        return iterator.return!();
      },
    }),
  };
}

/** Waits for a promise, at most that long; throws what it is rejected with in that time. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  try {
    await Promise.race([promise, patience]);
  } finally {
    clearTimeout(timer);
  }
}
