import { messageOf, ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "../process/mod.ts";
import { PLAN_MARK, type PlanAnswer, type PlanQuestion } from "./plan_messages.ts";
import { fromWire } from "../protocol/mod.ts";

/** Milliseconds an answer may take: a driver that hangs must not hang us. */
const ANSWER_MS = 60_000;

/** A process that loads models without memory for them; see `plan_child.ts`. */
export class PlanProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #words: ReadableStreamDefaultReader<string>;
  readonly #signal: AbortSignal | undefined;
  /** What it said that was no part of an answer yet. */
  #said = "";

  /**
   * @param signal ends the process.
   * @throws {ShimmyError} `backend` if the process cannot be started.
   */
  constructor([program, ...args]: ChildCommand, signal?: AbortSignal) {
    try {
      this.#child = new Deno.Command(program, {
        args,
        stdin: "piped",
        stdout: "null",
        stderr: "piped",
      }).spawn();
    } catch (cause) {
      throw new ShimmyError("backend", "A process to plan the load cannot be started", {
        detail: messageOf(cause),
        cause,
      });
    }
    this.#signal = signal;
    signal?.addEventListener("abort", this.#kill);
    if (signal?.aborted) this.#kill();
    this.#input = this.#child.stdin.getWriter();
    this.#words = this.#child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  /**
   * Asks a question. Resolves to the answer, and to the native log that came before it.
   * @throws {ShimmyError} the process's own error, or `backend` when it ended or took too long.
   */
  async ask(
    question: PlanQuestion,
  ): Promise<{ answer: Exclude<PlanAnswer, { error: unknown }>; log: string }> {
    const timer = setTimeout(this.#kill, ANSWER_MS);
    try {
      const line = new Uint8Array(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
      // A process that is gone tells so by the end of its words.
      await this.#input.write(line).catch(() => {});
      const { text, log } = await this.#next();
      const answer = JSON.parse(text) as PlanAnswer;
      if ("error" in answer) throw fromWire(answer.error);
      return { answer, log };
    } finally {
      clearTimeout(timer);
    }
  }

  async #next(): Promise<{ text: string; log: string }> {
    for (;;) {
      const start = this.#said.indexOf(`\n${PLAN_MARK}`);
      const end = start < 0 ? -1 : this.#said.indexOf("\n", start + 1);
      if (end >= 0) {
        const log = this.#said.slice(0, start);
        const text = this.#said.slice(start + 1 + PLAN_MARK.length, end);
        this.#said = this.#said.slice(end);
        return { text, log };
      }
      const { value, done } = await this.#words.read();
      if (done) {
        throw new ShimmyError("backend", "The load cannot be planned: its process ended", {
          detail: this.#said.slice(-2000),
        });
      }
      this.#said += value;
    }
  }

  readonly #kill = (): void => {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It is gone already.
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#kill);
    await this.#input.close().catch(() => {});
    this.#kill();
    await this.#words.cancel().catch(() => {});
    await this.#child.status;
  }
}
