import { AnswerText } from "./answer_text.ts";
import type { DoneFrame, Frame } from "./frames.ts";

/** What the frames of a stream do, beside the text of the answers. */
export interface FrameEvents {
  /** The text of an answer changed. */
  changed(id: string): void;
  /** An answer was forked. */
  forked(parent: string, index: number, ids: readonly string[]): void;
  /** An answer ended. */
  done(id: string, frame: DoneFrame): void;
  /** The stream failed, and with it all answers that have not ended. */
  failed(id: string, message: string): void;
}

/** The answers of a stream: that of the request and its forks. */
export class FrameReader {
  readonly answers = new Map<string, AnswerText>();
  readonly #root: string;
  readonly #events: FrameEvents;
  readonly #running: Set<string>;

  /**
   * @param root Id of the request's own answer.
   * @param prefix The beginning of a continued answer.
   */
  constructor(root: string, events: FrameEvents, prefix = "") {
    this.#root = root;
    this.#events = events;
    this.answers.set(root, new AnswerText(prefix));
    this.#running = new Set([root]);
  }

  /** Applies a frame. */
  read(frame: Frame): void {
    const id = frame.answer ?? this.#root;
    if ("error" in frame) return this.fail(frame.error);
    const answer = this.answers.get(id);
    // A later version of the protocol may have answers that this page does not know.
    if (answer === undefined) return;
    if ("done" in frame) {
      this.#running.delete(id);
      this.#events.done(id, frame);
    } else if ("forked" in frame) {
      for (const fork of frame.answers) {
        this.answers.set(fork, answer.fork(frame.forked));
        this.#running.add(fork);
      }
      this.#events.forked(id, frame.forked, frame.answers);
    } else {
      if ("rewind" in frame) answer.rewind(frame.rewind);
      else if ("call" in frame) answer.addCall(frame);
      else answer.add(frame);
      this.#events.changed(id);
    }
  }

  /** Ends all running answers: the stream failed or broke. */
  fail(message: string): void {
    for (const id of this.#running) this.#events.failed(id, message);
    this.#running.clear();
  }

  /** Whether all answers have ended. */
  get isDone(): boolean {
    return this.#running.size === 0;
  }
}
