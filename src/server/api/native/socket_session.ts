import type { Answer } from "../../../chat/mod.ts";
import { collectEvents } from "../../../engine/mod.ts";
import type { Control } from "../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import {
  type Exchange,
  parseJsonValue,
  parseStrict,
  type ServerContext,
  statusOf,
  tokensOf,
  toShimmyError,
  UsageRecorder,
  withoutReceipt,
} from "../../http/mod.ts";
import { ReceiptCollector } from "../../../receipts/mod.ts";
import { admit } from "../../access/mod.ts";
import { bindAnswer, type Caller, engineFor } from "../../answers/mod.ts";
import { keepAliveOf, toSampling } from "../../schemas/mod.ts";
import { UnifiedEvents } from "./events.ts";
import { toAnswerRequest } from "./request.ts";
import { type ControlBody, controlSchema, generateSchema, type UnifiedEvent } from "./schema.ts";

/** The part of a WebSocket that a session uses. */
export type Socket = Pick<WebSocket, "send" | "close" | "readyState" | "bufferedAmount">;

/** Maximum unsent bytes; above it, the answer is held. */
const SEND_BUFFER = 256 * 1024;

/** Poll interval of the send buffer in milliseconds: WebSockets have no event for it. */
const DRAIN_POLL = 20;

/** Close codes: RFC 6455, section 7.4.1. */
const GOING_AWAY = 1001;
const MESSAGE_TOO_BIG = 1009;

/** The running request. */
interface RunningRequest {
  readonly controller: AbortController;
  /** Controls that arrived before generation started. */
  pendingControls: Control[];
  answer: Answer | null;
}

/** The client of a WebSocket. */
export type Sender = Pick<Exchange, "requestId" | "client" | "key" | "keyId">;

/** A connection with one WebSocket client: one request at a time, and controls for it. */
export class Session {
  readonly #socket: Socket;
  readonly #context: ServerContext;
  readonly #requestId: string;
  readonly #sender: Sender;
  /** The upgrade itself was counted as the first request. */
  #isAdmitted = true;
  readonly #stop = () => this.#closeIfStopping();
  #running: RunningRequest | null = null;
  /** Set while an answer is held. */
  #drainTimer: ReturnType<typeof setInterval> | null = null;

  constructor(socket: Socket, context: ServerContext, sender: Sender) {
    this.#socket = socket;
    this.#context = context;
    this.#requestId = sender.requestId;
    this.#sender = sender;
    context.stopping?.addEventListener("abort", this.#stop);
    context.replaced?.addEventListener("abort", this.#stop);
  }

  /** Handles a frame; sends errors to the client. */
  receive(frame: unknown): void {
    const limit = this.#context.settings.maxBodyBytes;
    if (typeof frame === "string" && frame.length > limit) {
      const message = `frame: must be at most ${limit} bytes long`;
      this.#sendError(new ShimmyError("invalid", message, { field: "frame" }));
      this.#socket.close(MESSAGE_TOO_BIG);
      return;
    }
    try {
      const value = this.#read(frame);
      if (this.#running !== null) this.#control(this.#running, value);
      else if (!isControl(value)) this.#track(this.#generate(value));
    } catch (thrown) {
      this.#sendError(thrown);
    }
  }

  /** Cancels the running request after a disconnect. */
  close(): void {
    this.#context.stopping?.removeEventListener("abort", this.#stop);
    this.#context.replaced?.removeEventListener("abort", this.#stop);
    this.#running?.controller.abort();
  }

  #read(frame: unknown): unknown {
    if (typeof frame !== "string") {
      throw new ShimmyError("invalid", "frame: must be text, not binary", { field: "frame" });
    }
    try {
      return parseJsonValue(frame, "frame");
    } catch (cause) {
      if (cause instanceof ShimmyError) throw cause;
      throw new ShimmyError("invalid", "frame: must be JSON", { field: "frame", cause });
    }
  }

  #control(running: RunningRequest, value: unknown): void {
    if (isRequest(value)) {
      throw new ShimmyError(
        "invalid",
        'A request is running: wait until it is done, or send {"stop": true}',
      );
    }
    for (const control of toControls(parseStrict(controlSchema, value))) {
      if (running.answer === null) running.pendingControls.push(control);
      else running.answer.control(control);
    }
  }

  #track(answer: Promise<void>): void {
    const { socketAnswers } = this.#context;
    socketAnswers?.add(answer);
    void answer.then(() => socketAnswers?.delete(answer));
  }

  async #generate(value: unknown): Promise<void> {
    const running: RunningRequest = {
      controller: new AbortController(),
      pendingControls: [],
      answer: null,
    };
    this.#running = running;
    using ends = new DisposableStack();
    const recorder = new UsageRecorder();
    const start = performance.now();
    const receipts = new ReceiptCollector(this.#context.receipts, "/ws/generate");
    const caller: Caller = {
      context: this.#context,
      requestId: this.#requestId,
      client: this.#sender.client,
      signal: running.controller.signal,
      onEnd: (callback) => void ends.defer(callback),
      // The socket itself holds the answer.
      onHold: () => {},
      setQueuePlace: () => {},
      recordUsage: (usage) => recorder.record(usage),
      receipts,
    };
    ends.defer(() => this.#stopPolling());
    let status = 200;
    const { key, keyId } = this.#sender;
    const keyring = this.#context.keyring;
    try {
      if (key !== null && !this.#isAdmitted) admit(keyring!, key);
      this.#isAdmitted = false;
      const body = parseStrict(generateSchema, withoutReceipt({ receipts }, value));
      const request = toAnswerRequest(body);
      const keepAlive = keepAliveOf(body.keep_alive);
      const { engine } = await engineFor(caller, body.model ?? undefined, keepAlive);
      const text = (body.stream_format ?? "text") === "text";
      // The last event waits for its receipt.
      let done: UnifiedEvent | null = null;
      await collectEvents<UnifiedEvent>((sink) => {
        const answer = bindAnswer(caller, engine, request, new UnifiedEvents(sink));
        running.answer = answer;
        for (const control of running.pendingControls) answer.control(control);
      }, (event) => {
        if ("done" in event && receipts.isWanted) return void (done = event);
        if ("done" in event) this.#running = null;
        this.#sendEvent(event, text);
        this.#holdIfFull(running.answer!);
      });
      if (done !== null) {
        const members = await receipts.members();
        this.#running = null;
        this.#sendEvent({ ...done as UnifiedEvent, ...members }, text);
      }
    } catch (thrown) {
      this.#running = null;
      status = statusOf(toShimmyError(thrown));
      this.#sendError(thrown);
    }
    if (key !== null) keyring!.spend(key, tokensOf(recorder.usage));
    this.#context.metrics?.keyTokens(keyId, recorder.usage);
    this.#context.access?.({
      requestId: this.#requestId,
      method: "WEBSOCKET",
      path: "/ws/generate",
      route: "/ws/generate",
      key: keyId,
      status,
      ...recorder.usage,
      durationMs: performance.now() - start,
    });
    this.#closeIfStopping();
  }

  #sendEvent(event: UnifiedEvent, text: boolean): void {
    if (text && "token" in event) this.#send(event.token);
    else if (!text || !("reasoning" in event)) this.#send(JSON.stringify(event));
  }

  #sendError(thrown: unknown): void {
    const error = toShimmyError(thrown);
    if (error.kind === "backend") this.#context.report?.(error, this.#requestId);
    this.#send(JSON.stringify({ error: error.message }));
  }

  #send(frame: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  /** Holds the answer while the send buffer is full. */
  #holdIfFull(answer: Answer): void {
    if (this.#socket.bufferedAmount <= SEND_BUFFER || this.#drainTimer !== null) return;
    answer.control({ type: "hold" });
    this.#drainTimer = setInterval(() => {
      if (this.#socket.bufferedAmount > SEND_BUFFER) return;
      this.#stopPolling();
      answer.control({ type: "release" });
    }, DRAIN_POLL);
  }

  #stopPolling(): void {
    if (this.#drainTimer !== null) clearInterval(this.#drainTimer);
    this.#drainTimer = null;
  }

  #closeIfStopping(): void {
    const { stopping, replaced } = this.#context;
    if (this.#running !== null) return;
    if (stopping?.aborted) this.#socket.close(GOING_AWAY, "The server is shutting down");
    else if (replaced?.aborted) this.#socket.close(GOING_AWAY, "Connect again");
  }
}

/** Whether a frame is a request, not a control. */
function isRequest(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    Object.entries(value).some(([field, given]) =>
      ["prompt", "messages", "model"].includes(field) && given !== null
    );
}

/** Whether a frame is a control, which may arrive after the `done` of its request. */
function isControl(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value).filter(([, on]) => on !== null);
  return entries.length > 0 &&
    entries.every(([key, on]) => ["stop", "pause", "resume"].includes(key) && on === true);
}

function toControls(body: ControlBody): Control[] {
  const sampling = toSampling(body);
  const controls: Control[] = [];
  const { phase } = body;
  if (Object.keys(sampling).length > 0) {
    controls.push({ type: "sampling", sampling, ...(phase === undefined ? {} : { phase }) });
  } else if (phase !== undefined) {
    throw new ShimmyError("invalid", "phase: requires a sampling field", { field: "phase" });
  }
  if (body.pause) controls.push({ type: "pause" });
  if (body.resume) controls.push({ type: "resume" });
  if (body.stop) controls.push({ type: "stop" });
  return controls;
}
