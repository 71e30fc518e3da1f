import { messageOf, ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "../process/mod.ts";
import { PLAN_MARK, type PlanRequest, type PlanResponse } from "./plan_messages.ts";
import { deserializeError } from "../protocol/mod.ts";

/** Milliseconds an response may take: a driver that hangs must not hang us. */
const ANSWER_MS = 60_000;

/** A process that loads models without memory for them; see `plan_child.ts`. */
export class PlanProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #stderr: ReadableStreamDefaultReader<string>;
  readonly #signal: AbortSignal | undefined;
  /** What it said that was no part of an response yet. */
  #output = "";

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
    this.#stderr = this.#child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  }

  /**
   * Asks a request. Resolves to the response, and to the native log that came before it.
   * @throws {ShimmyError} the process's own error, or `backend` when it ended or took too long.
   */
  async request(
    request: PlanRequest,
  ): Promise<{ response: Exclude<PlanResponse, { error: unknown }>; log: string }> {
    const timer = setTimeout(this.#kill, ANSWER_MS);
    try {
      const line = new Uint8Array(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
      // A process that is gone tells so by the end of its words.
      await this.#input.write(line).catch(() => {});
      const { text, log } = await this.#next();
      const response = JSON.parse(text) as PlanResponse;
      if ("error" in response) throw deserializeError(response.error);
      return { response, log };
    } finally {
      clearTimeout(timer);
    }
  }

  async #next(): Promise<{ text: string; log: string }> {
    for (;;) {
      const start = this.#output.indexOf(`\n${PLAN_MARK}`);
      const end = start < 0 ? -1 : this.#output.indexOf("\n", start + 1);
      if (end >= 0) {
        const log = this.#output.slice(0, start);
        const text = this.#output.slice(start + 1 + PLAN_MARK.length, end);
        this.#output = this.#output.slice(end);
        return { text, log };
      }
      const { value, done } = await this.#stderr.read();
      if (done) {
        throw new ShimmyError("backend", "The load cannot be planned: its process ended", {
          detail: this.#output.slice(-2000),
        });
      }
      this.#output += value;
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
    await this.#stderr.cancel().catch(() => {});
    await this.#child.status;
  }
}
