import { collectEvents, type Sink } from "../../../engine/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import {
  type Exchange,
  mostHeldMsOf,
  type ServerContext,
  statusOf,
  tokensOf,
  toShimmyError,
  UsageRecorder,
  withoutReceipt,
} from "../../http/mod.ts";
import { parseStrict } from "../../validation/mod.ts";
import { ReceiptCollector } from "../../../receipts/mod.ts";
import { admit, checkValidity } from "../../access/mod.ts";
import {
  type Caller,
  type Choices,
  engineFor,
  findChoice,
  steeredChoices,
} from "../../answers/mod.ts";
import { countDetached, nameAnswer, type Numbered } from "../../resuming/mod.ts";
import { keepAliveOf } from "../../schemas/mod.ts";
import { type AnswerControl, applyControl, readControl } from "./control/control.ts";
import { isOfFork, UnifiedEvents } from "./events.ts";
import { newAnswerId } from "./generate.ts";
import { toAnswerRequest } from "./request.ts";
import { FrameReader } from "./streaming/frame_reader.ts";
import { keptFrames } from "./streaming/resume.ts";
import { controlSchema, generateSchema, type UnifiedEvent } from "./schema.ts";

/** The part of a WebSocket that a session uses. */
export type Socket = Pick<WebSocket, "send" | "close" | "readyState" | "bufferedAmount">;

/** Maximum unsent bytes; above it, the answer is held. */
const SEND_BUFFER = 256 * 1024;

/** Poll interval of the send buffer in milliseconds: WebSockets have no event for it. */
const DRAIN_POLL = 20;

/**
 * Unsent bytes at which a client that goes on to send frames is disconnected: the effects and the errors of
 * its frames would fill the memory.
 */
const MOST_UNREAD = 4 * 1024 * 1024;

/** Reason of the end of a connection whose client does not read. */
const UNREAD = "The frames of the server are not read";

/** Maximum controls that wait until the answer has begun. */
const MAX_PENDING = 64;

/** Close codes: RFC 6455, section 7.4.1. */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const MESSAGE_TOO_BIG = 1009;

/** The running request. */
interface RunningRequest {
  readonly id: string;
  readonly controller: AbortController;
  /** Whether it goes on when the client leaves. */
  isDetached: boolean;
  /** Controls that arrived before generation started. */
  readonly pendingControls: AddressedControl[];
  choices: Choices | null;
}

/** A control and the id of its answer. */
interface AddressedControl {
  readonly id: string;
  readonly control: AnswerControl;
}

/** The client of a WebSocket. */
export type Sender = Pick<Exchange, "requestId" | "client" | "key" | "keyId">;

/** A connection with one WebSocket client: one request at a time, and controls for it. */
export class Session {
  readonly #socket: Socket;
  readonly #context: ServerContext;
  readonly #requestId: string;
  readonly #sender: Sender;
  readonly #reader: FrameReader;
  /** The upgrade itself was counted as the first request. */
  #isAdmitted = true;
  /** Whether the client was disconnected; the frames that still come are not read. */
  #isDisconnected = false;
  readonly #stop = () => this.#closeIfStopping();
  #running: RunningRequest | null = null;
  /** Set while an answer is held. */
  #drainTimer: ReturnType<typeof setInterval> | null = null;

  constructor(socket: Socket, context: ServerContext, sender: Sender) {
    this.#socket = socket;
    this.#context = context;
    this.#requestId = sender.requestId;
    this.#sender = sender;
    this.#reader = new FrameReader(context, {
      value: (value) => this.#handle(value),
      error: (error) => this.#sendError(error),
    });
    context.stopping?.addEventListener("abort", this.#stop);
    context.replaced?.addEventListener("abort", this.#stop);
  }

  /** Handles a frame; sends errors to the client. */
  receive(frame: unknown): void {
    if (this.#isDisconnected) return;
    if (this.#socket.bufferedAmount > MOST_UNREAD) {
      return this.#disconnect(POLICY_VIOLATION, UNREAD);
    }
    const limit = this.#context.settings.maxBodyBytes;
    if (typeof frame === "string" && frame.length > limit) {
      const message =
        `frame: must be at most ${limit} bytes long, the limit of this server (--max-body)`;
      this.#sendError(new ShimmyError("invalid", message, { field: "frame" }));
      return this.#disconnect(MESSAGE_TOO_BIG, "The frame is too large");
    }
    if (typeof frame === "string") return this.#reader.read(frame);
    const message = "frame: must be text, not binary";
    this.#sendError(new ShimmyError("invalid", message, { field: "frame" }));
  }

  #handle(value: unknown): void {
    // The client may have left while a long frame was parsed.
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#running !== null) this.#control(this.#running, value);
    else if (isSteering(value)) throw new ShimmyError("invalid", "The answer has ended");
    else if (!isControl(value)) this.#track(this.#generate(value));
  }

  #disconnect(code: number, reason: string): void {
    this.#isDisconnected = true;
    // A client that does not read does not answer the close either.
    this.close();
    this.#socket.close(code, reason);
  }

  /** Cancels the running request after a disconnect. */
  close(): void {
    this.#reader.close();
    this.#context.stopping?.removeEventListener("abort", this.#stop);
    this.#context.replaced?.removeEventListener("abort", this.#stop);
    if (this.#running?.isDetached) this.#release();
    else this.#running?.controller.abort();
  }

  #control(running: RunningRequest, value: unknown): void {
    if (isRequest(value)) {
      throw new ShimmyError(
        "invalid",
        'A request is running: wait until it is done, or send {"stop": true}',
      );
    }
    const { answer, ...body } = parseStrict(controlSchema, value);
    const addressed = { id: answer ?? running.id, control: readControl(body) };
    if (running.choices === null) {
      if (running.pendingControls.length >= MAX_PENDING) {
        const message = `At most ${MAX_PENDING} controls can wait until the answer begins`;
        throw new ShimmyError("overloaded", message, { retryAfter: 1 });
      }
      running.pendingControls.push(addressed);
    } else this.#apply(running, addressed);
  }

  /** Applies a control; sends an error to the client, and the answer goes on. */
  #apply(running: RunningRequest, { id, control }: AddressedControl): void {
    const asker = { context: this.#context, key: this.#sender.key };
    const applied = async () => {
      const choice = findChoice(asker, id);
      if (choice.answers.id === running.id) return await applyControl(choice, control);
      const message = `answer: '${id}' is not an answer of this request`;
      throw new ShimmyError("invalid", message, { field: "answer" });
    };
    applied().catch((error) => this.#sendError(error));
  }

  #track(answer: Promise<void>): void {
    const { socketAnswers } = this.#context;
    socketAnswers?.add(answer);
    void answer.then(() => socketAnswers?.delete(answer));
  }

  async #generate(value: unknown): Promise<void> {
    const running: RunningRequest = {
      id: newAnswerId(),
      controller: new AbortController(),
      isDetached: false,
      pendingControls: [],
      choices: null,
    };
    this.#running = running;
    using ends = new DisposableStack();
    const recorder = new UsageRecorder();
    const start = performance.now();
    const receipts = new ReceiptCollector(this.#context.receipts, "/ws/generate");
    let onKnown: (() => void) | undefined;
    const caller: Caller = {
      context: this.#context,
      requestId: this.#requestId,
      client: this.#sender.client,
      key: this.#sender.key,
      signal: running.controller.signal,
      onEnd: (callback) => void ends.defer(callback),
      // The socket itself holds the answer.
      onHold: () => {},
      // The headers were sent with the upgrade.
      setQueuePlace: () => {},
      setPrefix: () => {},
      recordUsage: (usage) => recorder.record(usage),
      receipts,
      onKnown: () => onKnown?.(),
    };
    ends.defer(() => this.#stopPolling());
    let status = 200;
    const { key, keyId } = this.#sender;
    const keyring = this.#context.keyring;
    try {
      if (key !== null) (this.#isAdmitted ? checkValidity : admit)(keyring!, key);
      this.#isAdmitted = false;
      const body = parseStrict(generateSchema, withoutReceipt({ receipts }, value));
      const text = (body.stream_format ?? "text") === "text";
      if (body.detach) countDetached(caller);
      if (typeof body.detach === "string") onKnown = nameAnswer(caller, body.detach, running.id);
      running.isDetached = Boolean(body.detach);
      const request = toAnswerRequest(body, text ? "text" : "frames");
      const keepAlive = keepAliveOf(body.keep_alive);
      const { engine } = await engineFor(caller, body.model ?? undefined, keepAlive);
      // The last event waits for its receipt, and for the end of all forks.
      let done: UnifiedEvent | null = null;
      await collectEvents<UnifiedEvent>((sink) => {
        const out: Sink<Numbered<UnifiedEvent>> = {
          event: ({ event }) => sink.event(event),
          flush: () => sink.flush(),
          end: (error) => sink.end(error),
        };
        const { frames, ...kept } = keptFrames(out, running.id, this.#sender.client);
        const events = new UnifiedEvents(running.id, frames, text);
        const choices = steeredChoices(caller, engine, [request], events, {
          id: running.id,
          forked: (forks) => events.forked(forks),
          ...kept,
        }, false);
        running.choices = choices;
        const started = choices.run(1);
        for (const control of running.pendingControls) this.#apply(running, control);
        return started;
      }, (event) => {
        const { choices } = running;
        if ("done" in event && choices!.isLast) return void (done = event);
        this.#sendEvent(event, text ? running.id : null);
        this.#holdIfFull(choices!);
      });
      const members = receipts.isWanted ? await receipts.members() : {};
      this.#running = null;
      if (done !== null) this.#sendEvent({ ...done as UnifiedEvent, ...members }, null);
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

  /** @param textOf id of the answer whose tokens are sent as texts; null: none. */
  #sendEvent(event: UnifiedEvent, textOf: string | null): void {
    if (textOf === null || !("index" in event) || isOfFork(event, textOf)) {
      this.#send(JSON.stringify(event));
    } else if ("token" in event && event.token !== "") this.#send(event.token);
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
  #holdIfFull(answer: Pick<Choices, "control">): void {
    if (!this.#isFull || this.#drainTimer !== null) return;
    answer.control({ type: "hold" });
    const latest = performance.now() + mostHeldMsOf(this.#context.settings);
    this.#drainTimer = setInterval(() => {
      if (!this.#isFull) this.#release();
      else if (performance.now() > latest) this.#disconnect(POLICY_VIOLATION, UNREAD);
    }, DRAIN_POLL);
  }

  /** Whether a client that is connected does not read as fast as frames come. */
  get #isFull(): boolean {
    const { readyState, bufferedAmount } = this.#socket;
    return readyState === WebSocket.OPEN && bufferedAmount > SEND_BUFFER;
  }

  #release(): void {
    if (this.#drainTimer === null) return;
    this.#stopPolling();
    this.#running?.choices?.control({ type: "release" });
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

/** Whether a frame steers an answer in a way that needs one. */
function isSteering(value: unknown): boolean {
  return typeof value === "object" && value !== null && !isRequest(value) &&
    ["rewind", "insert", "token", "fork", "keep"].some((field) => field in value);
}

/** Whether a frame is a control, which may arrive after the `done` of its request. */
function isControl(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const entries = Object.entries(value).filter(([, on]) => on !== null);
  return entries.length > 0 &&
    entries.every(([key, on]) => ["stop", "pause", "resume"].includes(key) && on === true);
}
