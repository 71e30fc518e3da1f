import { EngineFlags, NativeGate } from "../native/mod.ts";
import type { FromEngineCore, ToEngineCore } from "../protocol/mod.ts";

/** Transport to an engine core, in a Worker of this process or in a child process. */
export interface Transport {
  /**
   * Connects the callbacks. Call once, before the first `post`. `onEnd` is called if the core ends
   * unexpectedly, with a reason and, for the log only, its last output. `onContextLog` gets the
   * native log of each context created after the load, if `loadLog` is not null.
   */
  open(
    onMessage: (message: FromEngineCore) => void,
    onEnd: (reason: string, detail?: string) => void,
    onContextLog: (log: string) => void,
  ): void;
  post(message: ToEngineCore): void;
  /** False while the core's process gives no sign of life. */
  readonly isResponding: boolean;
  /**
   * Resolves to the native log of the load if the load writes one (`logLoad`) and the stderr of the
   * core is not that of this process; else null.
   */
  readonly loadLog: Promise<string> | null;
  /** Milliseconds that the core gets to unload before it is terminated. */
  readonly unloadMs: number;
  /** Aborts the running native computation and every later one. */
  abort(): void;
  /** Cancels the running load. */
  cancelLoading(): void;
  /** Ends the core at once, without further messages. Resolves when it has ended. */
  terminate(): Promise<void>;
}

/** Names of engine threads. A thread sends its messages according to its name. */
export const THREAD_NAME = { worker: "shimmy-engine", child: "shimmy-engine-child" } as const;

/**
 * Starts an engine thread. In a bundle every module has the URL of the bundle, whose main module
 * runs the thread when started as a Worker.
 */
export function startThread(name: string): Worker {
  const script = import.meta.url.endsWith("/src/engine/process/transport.ts")
    ? new URL("./thread_main.ts", import.meta.url)
    : new URL(import.meta.url);
  return new Worker(script, { type: "module", name });
}

/** First message to a thread: the memory it shares. */
export interface SharedMemory {
  readonly flags: SharedArrayBuffer;
  readonly gate: SharedArrayBuffer;
}

/** Shared by all engine threads of this process. */
const gate = new NativeGate();

/** Transport to an engine core in a Worker of this process. */
export class WorkerTransport implements Transport {
  readonly loadLog = null;
  /** Long, because native threads of this process may still read the model's memory. */
  readonly unloadMs = 60_000;
  readonly isResponding = true;
  readonly #flags = new EngineFlags();
  readonly #worker = startThread(THREAD_NAME.worker);

  open(
    onMessage: (message: FromEngineCore) => void,
    onEnd: (reason: string, detail?: string) => void,
  ): void {
    this.#worker.onmessage = (event: MessageEvent<FromEngineCore>) => onMessage(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      onEnd("The engine thread failed", event.message);
    };
    this.#worker.onmessageerror = () => onEnd("The engine thread sent an unreadable message");
    this.#flags.announceMessage();
    const shared: SharedMemory = { flags: this.#flags.buffer, gate: gate.buffer };
    this.#worker.postMessage(shared);
  }

  post(message: ToEngineCore): void {
    this.#flags.announceMessage();
    this.#worker.postMessage(message);
  }

  abort(): void {
    this.#flags.abort();
  }

  cancelLoading(): void {
    this.#flags.cancelLoading();
  }

  terminate(): Promise<void> {
    this.#worker.terminate();
    return Promise.resolve();
  }
}
