import {
  type Answer,
  answer,
  type AnswerEvent,
  type AnswerFork,
  type AnswerRequest,
  type ForkedAnswer,
  prefixHash,
} from "../../chat/mod.ts";
import type { Engine, Sink } from "../../engine/mod.ts";
import type { Notice } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { KeepAlive, ModelEntry } from "../../models/entry/mod.ts";
import { preparerOf } from "./request_preparer.ts";
import { qualifiedName, type ResolvedModel, resolveModel, withAdapters } from "./model_names.ts";
import { modelOf, rememberModel, tracedEngine } from "./traced_engine.ts";
import { checkAdapter, checkValidity, invalidKey } from "../access/mod.ts";
import { queueOf } from "../metrics/mod.ts";
import type { Exchange } from "../http/mod.ts";

/** The recipient of a generated answer: an HTTP exchange, or a WebSocket for one of its requests. */
export type Caller =
  & Pick<
    Exchange,
    | "signal"
    | "context"
    | "requestId"
    | "client"
    | "key"
    | "onEnd"
    | "onHold"
    | "setPrefix"
    | "setQueuePlace"
    | "recordUsage"
    | "receipts"
  >
  & {
    /** Is called when the answer can be found by its id. */
    readonly onKnown?: () => void;
  };

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
  const loaded = await engineForEntry(caller, entry, keepAlive);
  if (adapter !== null) checkAdapter(caller.key, loaded, adapter.name);
  const engine = await withAdapters(loaded, files, adapter);
  rememberModel(engine, entry);
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
  rememberModel(lease.engine, entry);
  return lease.engine;
}

/**
 * The name of a session for the engine. A session belongs to the signed key that has made it; without one, to all
 * requests without one.
 */
export function ownedSession({ key }: Pick<Caller, "key">, name: string): string {
  return key === null ? name : `key:${key.id}:${name}`;
}

/** The name of a saved slot for the engine. Saved slots belong to no key: only `admin` may save them. */
export function slotSession(filename: string): string {
  return `slot:${filename}`;
}

/**
 * Starts generation and cancels it as soon as the client disconnects, also before the first event and
 * between events, so that its KV cells are free within one step. All dialects generate through this
 * function, which also applies back pressure and records metrics and queue places.
 *
 * @param sink receives the events; called only after the return.
 * @param preparer Default: that of the request.
 * @throws {ShimmyError} `cancelled` when the client has disconnected.
 */
export function bindAnswer(
  caller: Caller,
  engine: Engine,
  request: AnswerRequest,
  sink: Sink<AnswerEvent>,
  preparer = preparerOf(caller),
): Answer {
  const { client } = caller;
  const { session } = request;
  const asked = {
    ...request,
    ...(client === undefined ? {} : { client }),
    ...(session === undefined ? {} : { session: ownedSession(caller, session) }),
  };
  return bind(caller, engine, sink, { input: request.input, begun: 0, request }, (observed) => {
    const running = answer(tracedEngine(caller, engine), asked, observed, preparer);
    return { running, result: running };
  });
}

/**
 * Starts an answer that begins with the first tokens of another one, and binds it as
 * {@linkcode bindAnswer} does. Receipts do not describe forks.
 *
 * @throws as `Answer.fork` does.
 */
export function bindFork(
  caller: Caller,
  engine: Engine,
  parent: Answer,
  fork: AnswerFork,
  sink: Sink<AnswerEvent>,
): ForkedAnswer {
  return bind(caller, engine, sink, { input: null, begun: fork.at }, (observed) => {
    const result = parent.fork(engine, fork, observed);
    return { running: result.answer, result };
  });
}

/** What decides which tokens of an answer are counted. */
interface Counting {
  /** The input, whose prompt is counted once for all choices. Null for a fork: its parent has counted it. */
  readonly input: AnswerRequest["input"] | null;
  /** Number of tokens that a fork has from its parent. They are counted with the parent. */
  readonly begun: number;
  /** Absent for a fork. */
  readonly request?: AnswerRequest;
}

/** The inputs of each request whose prompts were counted. */
const countedInputs = new WeakMap<Caller, WeakSet<object>>();

/** Tokens of an answer for quotas and logs. Tokens that rewinds dropped were computed. */
function countsOf(
  caller: Caller,
  { input, begun }: Counting,
  { finishReason, usage, timings }: Extract<AnswerEvent, { type: "done" }>,
) {
  const { promptTokens, completionTokens, discardedTokens = 0 } = usage;
  const counted = countedInputs.get(caller) ?? new WeakSet();
  countedInputs.set(caller, counted);
  // A request that was cancelled while it waited has computed nothing.
  const isComputed = finishReason !== "cancelled" || timings.promptMs > 0;
  const isNew = input !== null && isComputed && !counted.has(input);
  if (isNew) counted.add(input);
  return {
    promptTokens: isNew ? promptTokens : 0,
    completionTokens: completionTokens + discardedTokens - begun,
  };
}

function bind<T>(
  caller: Caller,
  engine: Engine,
  sink: Sink<AnswerEvent>,
  counting: Counting,
  start: (observed: Sink<AnswerEvent>) => { readonly running: Answer; readonly result: T },
): T {
  const { signal, context, key } = caller;
  if (signal.aborted) throw new ShimmyError("cancelled", "The request was cancelled");
  // The key may have been revoked while the model was loaded.
  if (key !== null && context.keyring) checkValidity(context.keyring, key);
  const queued = queueOf(engine).add(caller.requestId);
  caller.onEnd(() => queued.remove());
  if (queued.place !== null) caller.setQueuePlace(queued.place);
  const { input } = counting;
  if (input !== null) caller.setPrefix(() => prefixHash(modelOf(engine).name, input));
  const observer = context.metrics?.observeAnswer();
  const { request } = counting;
  const span = context.span?.startAnswer({
    model: modelOf(engine).name,
    ...(request === undefined ? {} : { request }),
  });
  let isRecorded = false;
  const record = (usage: Parameters<Caller["recordUsage"]>[0]) => {
    if (!isRecorded) caller.recordUsage(usage);
    isRecorded = true;
  };
  let isDone = false;
  let isRevoked = false;
  let unwatch = () => {};
  const { running, result } = start({
    event(event) {
      queued.started();
      observer?.event(event);
      span?.event(event);
      if (event.type === "done") {
        isDone = true;
        record(countsOf(caller, counting, event));
        reportNotices(caller, event.notices);
        // An error tells the reason.
        if (isRevoked) return;
      }
      sink.event(event);
    },
    flush: () => sink.flush(),
    end(error) {
      if (error !== undefined && !isDone) observer?.failed();
      record({ completionTokens: running.completionTokens - counting.begun });
      observer?.ended();
      span?.end(isRevoked ? invalidKey("revoked") : error);
      queued.remove();
      unwatch();
      signal.removeEventListener("abort", cancel);
      sink.end(isRevoked ? invalidKey("revoked") : error);
    },
  });
  // The last event, which has the usage, follows before the exchange ends.
  const cancel = () => running.control({ type: "cancel" });
  signal.addEventListener("abort", cancel, { once: true });
  // Also answers that are steered, or that go on without their client, end with their key.
  const revoked = () => {
    isRevoked = true;
    cancel();
  };
  if (key !== null) unwatch = context.keyring?.onRevoked(key, revoked) ?? unwatch;
  caller.onHold((isHeld) => running.control({ type: isHeld ? "hold" : "release" }));
  return result;
}

/** Reports notices with details for the operator, such as a fault of a native library. */
function reportNotices({ context, requestId }: Caller, notices: readonly Notice[] = []): void {
  for (const { message, detail } of notices) {
    if (detail === undefined) continue;
    context.report?.(new ShimmyError("backend", message, { detail }), requestId);
  }
}

/** An answer whose first event can be awaited. */
export interface StartedAnswer extends Answer {
  /** Rejects with the error of an answer without events, which is not passed to the sink. */
  readonly started: Promise<void>;
}

/**
 * Like {@linkcode bindAnswer}. Await `started` before the response: it resolves after the first event,
 * so that an error of the request can still set the status. After `keepAliveMs` without an event it
 * resolves anyway: the stream must begin to send keep-alive comments, and a later error ends the stream.
 */
export function startAnswer(
  caller: Caller,
  engine: Engine,
  request: AnswerRequest,
  sink: Sink<AnswerEvent>,
  preparer = preparerOf(caller),
): StartedAnswer {
  const first = Promise.withResolvers<void>();
  let isStarted = false;
  const running = bindAnswer(caller, engine, request, {
    event(event) {
      isStarted = true;
      first.resolve();
      sink.event(event);
    },
    flush: () => sink.flush(),
    end(error) {
      if (!isStarted && error !== undefined) return first.reject(error);
      first.resolve();
      sink.end(error);
    },
  }, preparer);
  const started = settledWithin(first.promise, caller.context.settings.keepAliveMs)
    .then(() => void (isStarted = true));
  return {
    get completionTokens() {
      return running.completionTokens;
    },
    get promptTokens() {
      return running.promptTokens;
    },
    get queued() {
      return running.queued;
    },
    control: (control) => running.control(control),
    edit: (edit) => running.edit(edit),
    fork: (...fork) => running.fork(...fork),
    started,
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
