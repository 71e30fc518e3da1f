import { signal } from "@preact/signals";
import { ApiError } from "../../../api/mod.ts";
import {
  addMessage,
  choose,
  createMessage,
  type Ending,
  type Message,
  replaceMessage,
} from "../../../conversation/mod.ts";
import {
  type AnswerRequest,
  AnswerText,
  FrameReader,
  type Frames,
  resumeFrames,
  startFrames,
} from "../../../live/mod.ts";
import type { RunningStream } from "../../../storage/mod.ts";
import { announce } from "../../../ui/mod.ts";
import { change, writesEnded } from "./conversations.ts";
import { endLive, type Live, liveAnswers, setLive, touch } from "./live_answers.ts";
import { maxBodyBytes } from "./models.ts";
import { forget, isRemembered, remember, wasPaused } from "./running_streams.ts";
import { steer } from "./steering.ts";
import { setCompared } from "./view_settings.ts";

/** Attempts to take up a stream that broke, and the milliseconds before each. */
const RETRIES = [200, 1_000, 3_000];

/** A stream of the server: an answer and its forks. */
export class Run {
  readonly #conversation: string;
  /** The message of the request's own answer; undefined if it was removed. Its id is the name of the answer. */
  readonly #root: Message | undefined;
  /** Messages by the ids of their answers. */
  readonly #messages = new Map<string, string>();
  #reader: FrameReader | null = null;

  constructor(conversation: string, root: Message | undefined) {
    this.#conversation = conversation;
    this.#root = root;
  }

  /** Starts the answer of the message, which has been added without its text. */
  async start(request: AnswerRequest): Promise<void> {
    const { id, prefix } = this.#root!;
    const isNamed = isRemembered();
    // Before it is sent: a page that is left before the response comes knows no id of the answer.
    if (isNamed) this.#remember();
    this.#show(id, null, new AnswerText(prefix));
    try {
      const started = startFrames(request, isNamed ? id : null, maxBodyBytes.peek());
      const { frames, ...named } = await (isNamed ? this.#recovered(started) : started);
      this.#bind(id, named.id, named.id);
      await this.#follow({ frames, ...named });
    } catch (error) {
      this.#fail(id, error);
      await this.#forget();
    }
  }

  /** Asks by its name for an answer whose response was lost: the server may run it. */
  async #recovered(started: Promise<Frames>): Promise<Frames> {
    try {
      return await started;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 0) throw error;
      const again = await this.#resumed(this.#root!.id, RETRIES.slice(0, 1));
      if (again !== null) return again;
      throw error;
    }
  }

  /**
   * Takes up an answer of an earlier visit of the page.
   *
   * @param stream Id of the answer; undefined: it is known by its name.
   * @param messages All messages whose answers the stream has, also those that ended.
   */
  async resume(stream: string | undefined, messages: readonly Message[]): Promise<void> {
    const running = messages.filter(({ ending }) => ending === undefined);
    for (const { id, answer } of messages) {
      if (answer !== undefined) this.#messages.set(answer.id, id);
    }
    for (const { id, answer, prefix } of running) {
      this.#show(id, answer?.id ?? null, new AnswerText(prefix));
    }
    const root = this.#root;
    try {
      const frames = await resumeFrames(stream ?? root!.id);
      if (root !== undefined && root.answer === undefined) {
        this.#bind(root.id, frames.id, frames.id);
      }
      await this.#follow(frames);
    } catch (error) {
      for (const { id } of running) this.#fail(id, error, "lost");
      await this.#forget(stream);
    }
  }

  /** Reads a stream to its end; takes it up again where it breaks. */
  async #follow({ id, frames }: Frames): Promise<void> {
    this.#remember(id);
    let next: Frames["frames"] | null = frames;
    for (let attempt = 0; next !== null; attempt++) {
      const reader = this.#createReader(id);
      try {
        for await (const frame of next) reader.read(frame);
      } catch {
        // The connection broke.
      }
      if (reader.isDone) break;
      next = (await this.#resumed(id, RETRIES.slice(attempt)))?.frames ?? null;
      if (next === null) reader.fail("The connection to the server broke");
    }
    await this.#forget(id);
  }

  #noted(stream?: string): RunningStream {
    return {
      conversation: this.#conversation,
      ...(this.#root === undefined ? {} : { message: this.#root.id }),
      ...(stream === undefined ? {} : { stream }),
    };
  }

  #remember(stream?: string): void {
    remember(this.#noted(stream));
  }

  /** Forgets a stream when its answers are written: a page that is left before takes it up in its next visit. */
  async #forget(stream?: string): Promise<void> {
    await writesEnded(this.#conversation);
    forget(this.#noted(stream));
  }

  /** Takes an answer up again, after each of some delays; null if the server does not have it. */
  async #resumed(idOrName: string, delays: readonly number[]): Promise<Frames | null> {
    for (const delay of delays) {
      await new Promise((resolve) => setTimeout(resolve, delay));
      try {
        return await resumeFrames(idOrName);
      } catch (error) {
        if (error instanceof ApiError && error.status !== 0) return null;
      }
    }
    return null;
  }

  #createReader(root: string): FrameReader {
    const reader = new FrameReader(root, {
      changed: (id) => this.#touch(id),
      forked: (parent, _, ids) => this.#fork(root, parent, ids),
      done: (id, frame) => {
        const { usage, timings, finish_reason: reason } = frame;
        const isStopped = reason === "stop" && this.#liveOf(id)?.isStopped === true;
        announce("An answer is complete", { isQuiet: true });
        this.#end(id, {
          ending: isStopped ? "cancelled" : reason,
          usage: {
            promptTokens: usage.prompt_tokens,
            cachedTokens: usage.cached_tokens,
            completionTokens: usage.completion_tokens,
            firstTokenMs: timings.first_token_ms,
            tokensPerSecond: timings.predicted_per_second,
          },
        });
      },
      failed: (id, message) => this.#end(id, { ending: "failed", error: message }),
    }, this.#root?.prefix);
    this.#reader = reader;
    for (const [id, message] of this.#messages) {
      const text = reader.answers.get(id);
      if (text !== undefined) this.#show(message, id, text);
    }
    return reader;
  }

  /** Shows a message as running. */
  #show(message: string, id: string | null, text: AnswerText): void {
    const before = liveAnswers.value.get(message);
    const isPaused = before?.isPaused ?? signal(id !== null && wasPaused(id));
    const version = before?.version ?? signal(0);
    const { began = null, isStopped = false } = before ?? {};
    const conversation = this.#conversation;
    setLive(message, {
      conversation,
      name: message,
      id,
      text,
      version,
      isPaused,
      began,
      isStopped,
    });
  }

  /** The server named the answer of a message. */
  #bind(message: string, id: string, stream: string): void {
    this.#messages.set(id, message);
    if (liveAnswers.value.get(message)?.isStopped) void steer(id, { stop: true });
    change(
      this.#conversation,
      (conversation) =>
        replaceMessage(conversation, message, (one) => ({ ...one, answer: { id, stream } })),
    );
  }

  #touch(id: string): void {
    const live = this.#liveOf(id);
    if (live !== undefined) touch(live);
  }

  #liveOf(id: string): Live | undefined {
    const message = this.#messages.get(id);
    return message === undefined ? undefined : liveAnswers.value.get(message);
  }

  /** Forks become messages beside that of their parent. */
  #fork(root: string, parent: string, ids: readonly string[]): void {
    const beside = this.#messages.get(parent);
    for (const id of ids) {
      let message = this.#messages.get(id);
      if (message === undefined && beside !== undefined) {
        message = this.#addBeside(beside, id, root);
        if (message !== undefined) this.#messages.set(id, message);
      }
      if (message !== undefined) this.#show(message, id, this.#reader!.answers.get(id)!);
    }
  }

  /** Adds the message of a fork; undefined if that of its parent was removed. */
  #addBeside(beside: string, id: string, stream: string): string | undefined {
    let added: string | undefined;
    change(this.#conversation, (conversation) => {
      const sibling = conversation.messages.get(beside);
      if (sibling === undefined) return conversation;
      const { parent, model, prefix } = sibling;
      const message = createMessage({
        parent,
        role: "assistant",
        content: "",
        answer: { id, stream },
        ...(model === undefined ? {} : { model }),
        ...(prefix === undefined ? {} : { prefix }),
      });
      added = message.id;
      setCompared(parent, true);
      return choose(addMessage(conversation, message), beside);
    });
    return added;
  }

  #end(id: string, fields: Pick<Message, "ending" | "usage" | "error">): void {
    const message = this.#messages.get(id);
    if (message !== undefined) this.#finish(message, fields);
  }

  #fail(message: string, error: unknown, ending: Ending = "failed"): void {
    this.#finish(message, {
      ending,
      error: error instanceof Error ? error.message : String(error),
    });
  }

  /** Writes the text of an answer that ended into its message. */
  #finish(message: string, fields: Pick<Message, "ending" | "usage" | "error">): void {
    const live = liveAnswers.value.get(message);
    const { content = "", reasoning = "", toolCalls = [] } = live?.text ?? {};
    change(this.#conversation, (conversation) =>
      replaceMessage(conversation, message, (one) => ({
        ...one,
        ...fields,
        // A lost answer keeps the text that was written before.
        ...(fields.ending === "lost" ? {} : { content }),
        ...(reasoning === "" ? {} : { reasoning }),
        ...(toolCalls.length === 0 ? {} : { toolCalls }),
      })));
    endLive(message);
  }
}

/** Starts the answer of a message that has been added to a conversation. */
export function startRun(conversation: string, message: Message, request: AnswerRequest): void {
  void new Run(conversation, message).start(request);
}
