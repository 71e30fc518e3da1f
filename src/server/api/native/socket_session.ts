import { delay } from "@std/async/delay";
import type { Answer } from "../../../chat/mod.ts";
import type { Control } from "../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import {
  parse,
  type ServerContext,
  statusOf,
  toShimmyError,
  UsageRecorder,
} from "../../http/mod.ts";
import { bindAnswer, type Caller, engineFor } from "../../answers/mod.ts";
import { keepAliveOf, toSampling } from "../../schemas/mod.ts";
import { unified } from "./events.ts";
import { toAnswerRequest } from "./request.ts";
import { type ControlBody, controlSchema, generateSchema, type UnifiedEvent } from "./schema.ts";

/** The part of a WebSocket a session needs. */
export type Socket = Pick<WebSocket, "send" | "close" | "readyState" | "bufferedAmount">;

/** Bytes the client has not taken yet, beyond which no more are sent. */
const SEND_BUFFER = 256 * 1024;

/** Milliseconds between two looks at the buffer; WebSockets do not tell when it has drained. */
const DRAIN_POLL = 20;

/** RFC 6455, 7.4.1. */
const GOING_AWAY = 1001;
const MESSAGE_TOO_BIG = 1009;

/** The request that is being answered now. */
interface Running {
  readonly gone: AbortController;
  /** Controls that came before there was an answer to take them. */
  early: Control[];
  answer: Answer | null;
}

/** The conversation with one WebSocket client: one request at a time, controlled while it runs. */
export class Session {
  readonly #socket: Socket;
  readonly #context: ServerContext;
  readonly #requestId: string;
  readonly #stop = () => this.#closeIfStopping();
  #running: Running | null = null;

  constructor(socket: Socket, context: ServerContext, requestId: string) {
    this.#socket = socket;
    this.#context = context;
    this.#requestId = requestId;
    context.stopping?.addEventListener("abort", this.#stop);
  }

  /** Takes a frame; whatever is wrong with it is told to the client. */
  receive(frame: unknown): void {
    const limit = this.#context.settings.maxBodyBytes;
    if (typeof frame === "string" && frame.length > limit) {
      const message = `frame: must be at most ${limit} bytes long`;
      this.#fail(new ShimmyError("invalid", message, { field: "frame" }));
      this.#socket.close(MESSAGE_TOO_BIG);
      return;
    }
    try {
      const value = this.#read(frame);
      if (this.#running !== null) this.#control(this.#running, value);
      else if (!isLate(value)) this.#track(this.#answer(value));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** The client has gone: what runs for it is cancelled. */
  leave(): void {
    this.#context.stopping?.removeEventListener("abort", this.#stop);
    this.#running?.gone.abort();
  }

  #read(frame: unknown): unknown {
    if (typeof frame !== "string") {
      throw new ShimmyError("invalid", "frame: must be text, not binary", { field: "frame" });
    }
    try {
      return JSON.parse(frame);
    } catch (cause) {
      throw new ShimmyError("invalid", "frame: must be JSON", { field: "frame", cause });
    }
  }

  #control(running: Running, value: unknown): void {
    if (isRequest(value)) {
      throw new ShimmyError(
        "invalid",
        'A request is being answered: wait until it is done, or send {"stop": true}',
      );
    }
    for (const control of toControls(parse(controlSchema, value))) {
      if (running.answer === null) running.early.push(control);
      else running.answer.control(control);
    }
  }

  #track(answer: Promise<void>): void {
    const { socketAnswers } = this.#context;
    socketAnswers?.add(answer);
    void answer.then(() => socketAnswers?.delete(answer));
  }

  async #answer(value: unknown): Promise<void> {
    const running: Running = { gone: new AbortController(), early: [], answer: null };
    this.#running = running;
    using ends = new DisposableStack();
    const recorder = new UsageRecorder();
    const start = performance.now();
    const caller: Caller = {
      context: this.#context,
      requestId: this.#requestId,
      signal: running.gone.signal,
      onEnd: (callback) => ends.defer(callback),
      setQueuePlace: () => {},
      recordUsage: (usage) => recorder.record(usage),
    };
    let status = 200;
    try {
      const body = parse(generateSchema, value);
      const request = toAnswerRequest(body);
      const keepAlive = keepAliveOf(body.keep_alive);
      const { engine } = await engineFor(caller, body.model ?? undefined, keepAlive);
      running.answer = bindAnswer(caller, engine, request);
      for (const control of running.early) running.answer.control(control);
      const text = (body.stream_format ?? "text") === "text";
      for await (const event of unified(running.answer)) {
        if ("done" in event) this.#running = null;
        this.#tell(event, text);
        await this.#drained(caller.signal);
      }
    } catch (thrown) {
      this.#running = null;
      status = statusOf(toShimmyError(thrown));
      this.#fail(thrown);
    }
    this.#context.access?.({
      requestId: this.#requestId,
      method: "WEBSOCKET",
      path: "/ws/generate",
      status,
      ...recorder.usage,
      durationMs: performance.now() - start,
    });
    this.#closeIfStopping();
  }

  #tell(event: UnifiedEvent, text: boolean): void {
    if (text && "token" in event) this.#send(event.token);
    else if (!text || !("reasoning" in event)) this.#send(JSON.stringify(event));
  }

  #fail(thrown: unknown): void {
    const error = toShimmyError(thrown);
    if (error.kind === "backend") this.#context.report?.(error, this.#requestId);
    this.#send(JSON.stringify({ error: error.message }));
  }

  #send(frame: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  /** Waits while the client does not read; the answer, which nobody pulls meanwhile, waits too. */
  async #drained(signal: AbortSignal): Promise<void> {
    while (this.#socket.bufferedAmount > SEND_BUFFER && !signal.aborted) await delay(DRAIN_POLL);
  }

  #closeIfStopping(): void {
    if (this.#context.stopping?.aborted && this.#running === null) {
      this.#socket.close(GOING_AWAY, "The server shuts down");
    }
  }
}

/** Whether a frame is a request and not a control. */
function isRequest(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    ["prompt", "messages", "model"].some((field) => Object.hasOwn(value, field));
}

/** Whether a frame could only control an answer; it may cross the `done` of that answer on its way. */
function isLate(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value);
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
    throw new ShimmyError("invalid", "phase: needs a sampling field beside it", { field: "phase" });
  }
  if (body.pause) controls.push({ type: "pause" });
  if (body.resume) controls.push({ type: "resume" });
  if (body.stop) controls.push({ type: "stop" });
  return controls;
}
