import { TextLineStream } from "@std/streams/text-line-stream";
import { messageOf, ShimmyError } from "../../errors.ts";
import type { ChildCommand } from "../process/mod.ts";
import { PLAN_MARK, type PlanRequest, type PlanResponse } from "./plan_messages.ts";
import { assertionIn, deserializeError } from "../protocol/mod.ts";

/** Milliseconds for a response. Drivers can hang, and a process can be stopped. */
const RESPONSE_MS = 60_000;

/** A planning process; see `plan_main.ts`. */
export class PlanProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #signal: AbortSignal | undefined;
  readonly #responseMs: number;
  #isLate = false;

  /**
   * @param signal ends the process.
   * @param responseMs milliseconds for a response, after which the process is ended.
   * @throws {ShimmyError} `backend` if the process cannot be started.
   */
  constructor(
    [program, ...args]: ChildCommand,
    signal: AbortSignal | undefined,
    responseMs = RESPONSE_MS,
  ) {
    this.#responseMs = responseMs;
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
   * @throws {ShimmyError} the error of the process; `backend` if it ended or did not respond in time.
   */
  async request(
    request: PlanRequest,
  ): Promise<{ response: Exclude<PlanResponse, { error: unknown }>; log: string }> {
    const timer = setTimeout(() => {
      this.#isLate = true;
      this.#kill();
    }, this.#responseMs);
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
        const what = this.#isLate
          ? `did not respond within ${this.#responseMs / 1000} s`
          : `ended${assertionIn(output)}`;
        throw new ShimmyError("backend", `Cannot plan the load: the planning process ${what}`, {
          detail: output.slice(-2000),
        });
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
