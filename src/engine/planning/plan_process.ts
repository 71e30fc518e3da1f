import { TextLineStream } from "@std/streams/text-line-stream";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "../process/mod.ts";
import { PLAN_MARK, type PlanRequest, type PlanResponse } from "./plan_messages.ts";
import { assertionIn, deserializeError } from "../protocol/mod.ts";

/** Timeout of a response in milliseconds, for drivers that hang. */
const RESPONSE_TIMEOUT_MS = 60_000;

/** A planning process; see `plan_main.ts`. */
export class PlanProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #signal: AbortSignal | undefined;

  /**
   * @param signal ends the process.
   * @throws {ShimmyError} `backend` if the process cannot be started.
   */
  constructor([program, ...args]: ChildCommand, signal?: AbortSignal) {
    try {
      this.#child = new Deno.Command(program, {
        args,
        // Otherwise ggml starts a debugger on a crash, whose output hides the reason.
        env: { GGML_NO_BACKTRACE: "1" },
        stdin: "piped",
        stdout: "null",
        stderr: "piped",
      }).spawn();
    } catch (cause) {
      throw new ShimmyError("backend", "Cannot start a process to plan the load", {
        detail: messageOf(cause),
        cause,
      });
    }
    this.#signal = signal;
    signal?.addEventListener("abort", this.#kill);
    if (signal?.aborted) this.#kill();
    this.#input = this.#child.stdin.getWriter();
    this.#lines = this.#child.stderr
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream())
      .getReader();
  }

  /**
   * Sends a request. Resolves to the response and the native log before it.
   * @throws {ShimmyError} the error of the process; `backend` if it ended or timed out.
   */
  async request(
    request: PlanRequest,
  ): Promise<{ response: Exclude<PlanResponse, { error: unknown }>; log: string }> {
    const timer = setTimeout(this.#kill, RESPONSE_TIMEOUT_MS);
    try {
      const line = new Uint8Array(new TextEncoder().encode(`${JSON.stringify(request)}\n`));
      // When the process has ended, reading its lines throws below.
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
    const log: string[] = [];
    for (;;) {
      const { value: line, done } = await this.#lines.read();
      if (done) {
        const output = log.join("\n");
        throw new ShimmyError(
          "backend",
          `Cannot plan the load: the planning process ended${assertionIn(output)}`,
          { detail: output.slice(-2000) },
        );
      }
      if (line.startsWith(PLAN_MARK)) {
        return { text: line.slice(PLAN_MARK.length), log: log.join("\n") };
      }
      log.push(line);
    }
  }

  readonly #kill = (): void => {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // The process has already ended.
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#kill);
    await this.#input.close().catch(() => {});
    this.#kill();
    await this.#lines.cancel().catch(() => {});
    await this.#child.status;
  }
}
