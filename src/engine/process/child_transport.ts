import { messageOf } from "../../errors.ts";
import {
  assertionIn,
  decodeBody,
  encodeFrame,
  FRAME,
  FrameReader,
  type FromEngineCore,
  LOG_END,
  signalFrame,
  type ToEngineCore,
} from "../protocol/mod.ts";
import { HeartbeatMonitor } from "./heartbeat.ts";
import { type ChildCommand, takeProcess } from "./spare_process.ts";
import type { Transport } from "./transport.ts";

/** Characters of stderr output kept for error details. */
const STDERR_TAIL = 2000;

/** Maximum characters of the log of one context: about a hundred lines plus one per layer. */
const CONTEXT_LOG = 100_000;

/** Why a process without heartbeats ended. */
export const NOT_RESPONDING = "The model's process does not respond";

/** Transport to an engine core in a child process. A crash ends only that model. */
export class ChildTransport implements Transport {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #loadLog = Promise.withResolvers<string>();
  readonly loadLog = this.#loadLog.promise;
  readonly unloadMs = 5000;
  #isClosed = false;
  #stderrTail = "";
  #reading: Promise<unknown> = Promise.resolve();
  #heartbeats: HeartbeatMonitor | null = null;

  /**
   * @param verbose forwards the stderr output of the child.
   * @param explain finds a better reason for the end of the process from its last output, or from null if the
   * process gives no sign of life.
   * @throws {ShimmyError} `backend` if the process cannot be started.
   */
  constructor(
    command: ChildCommand,
    private readonly verbose: boolean,
    private readonly explain?: (output: string | null) => Promise<string | null>,
  ) {
    this.#child = takeProcess(command);
    this.#input = this.#child.stdin.getWriter();
  }

  open(
    onMessage: (message: FromEngineCore) => void,
    onEnd: (reason: string, detail?: string) => void,
    onContextLog: (log: string) => void,
  ): void {
    const end = (reason: string) => {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.#heartbeats?.[Symbol.dispose]();
      this.#kill();
      onEnd(reason, this.#stderrTail.trim() || undefined);
    };
    const heartbeats = this.#heartbeats = new HeartbeatMonitor(async () =>
      end(await this.explain?.(null) ?? NOT_RESPONDING)
    );
    this.#reading = Promise.allSettled([
      this.#readMessages(onMessage).catch((error) => end(messageOf(error))),
      this.#readStderr(onContextLog, heartbeats),
    ]);
    void this.#child.status.then(async ({ code, signal }) => {
      await this.#reading;
      const how = signal === null ? `with status ${code}` : `by ${signal}`;
      end(
        await this.explain?.(this.#stderrTail) ??
          `The model's process ended ${how}${assertionIn(this.#stderrTail)}`,
      );
    });
  }

  async #readMessages(onMessage: (message: FromEngineCore) => void): Promise<void> {
    const reader = new FrameReader();
    for await (const piece of this.#child.stdout) {
      for (const { kind, body } of reader.push(piece)) {
        if (!this.#isClosed) onMessage(decodeBody(kind, body) as FromEngineCore);
      }
    }
  }

  get isResponding(): boolean {
    return this.#heartbeats?.isResponding ?? true;
  }

  async #readStderr(
    onContextLog: (log: string) => void,
    heartbeats: HeartbeatMonitor,
  ): Promise<void> {
    const decoder = new TextDecoder();
    let unread = "";
    let isLoaded = false;
    for await (const output of this.#child.stderr) {
      const piece = heartbeats.filter(output);
      if (this.verbose) await writeAll(piece);
      unread += decoder.decode(piece, { stream: true });
      for (let end; (end = unread.indexOf(LOG_END)) >= 0; isLoaded = true) {
        const log = unread.slice(0, end);
        if (isLoaded) onContextLog(log);
        else this.#loadLog.resolve(log);
        unread = unread.slice(end + LOG_END.length);
      }
      this.#stderrTail = unread.slice(-STDERR_TAIL);
      // Output between the logs of two contexts belongs to neither.
      if (isLoaded) unread = unread.slice(-CONTEXT_LOG);
    }
    // Unblocks the load, which then fails with the reason for the end of the process.
    this.#loadLog.resolve("");
  }

  post(message: ToEngineCore): void {
    this.#send(encodeFrame(message));
  }

  abort(): void {
    this.#send(signalFrame(FRAME.abort));
  }

  cancelLoading(): void {
    this.#send(signalFrame(FRAME.cancelLoading));
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    // The exit of the child is reported by its status.
    if (!this.#isClosed) this.#input.write(bytes).catch(() => {});
  }

  async terminate(): Promise<void> {
    this.#isClosed = true;
    this.#heartbeats?.[Symbol.dispose]();
    // A process that is stopped does not read what waits for it, so that its input never closes before its end.
    const closed = this.#input.close().catch(() => {});
    this.#kill();
    await closed;
    await this.#child.status;
    await this.#reading;
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // The process has already ended.
    }
  }
}

async function writeAll(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stderr.write(bytes.subarray(at));
}
