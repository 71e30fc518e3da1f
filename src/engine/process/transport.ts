import { EngineFlags, NativeGate } from "../native/mod.ts";
import type { FromEngineCore, ToEngineCore } from "../protocol/mod.ts";

/** The way to an engine's loop: into a thread of this process, or into a process of its own. */
export interface Transport {
  /**
   * Call once, before anything is posted. `onEnd` gets a sentence when the loop is gone unasked, and
   * what it said last, which is for the log alone. `onContextLog` gets the native log of each context that
   * is made after the loading, under the conditions of `loadLog`.
   */
  open(
    onMessage: (message: FromEngineCore) => void,
    onEnd: (reason: string, detail?: string) => void,
    onContextLog: (log: string) => void,
  ): void;
  post(message: ToEngineCore): void;
  /**
   * The native log of the loading, once it is complete, where the load was told to write it and the
   * loop's standard error is not this process's; else null.
   */
  readonly loadLog: Promise<string> | null;
  /** Ends the native computation that is running, and every later one. */
  abort(): void;
  /** Ends the loading that is running. */
  cancelLoading(): void;
  /** Ends the loop at once; nothing is heard of it afterwards. Resolves when it is gone. */
  terminate(): Promise<void>;
}

/** Names of engine threads, by which a thread knows where its messages go. */
export const THREAD_NAME = { worker: "shimmy-engine", child: "shimmy-engine-child" } as const;

/**
 * Starts an engine thread. In a bundle every module has the bundle's own URL, and its main module acts
 * as the thread when it is started as one.
 */
export function startThread(name: string): Worker {
  const script = import.meta.url.endsWith("/src/engine/process/transport.ts")
    ? new URL("./thread_main.ts", import.meta.url)
    : new URL(import.meta.url);
  return new Worker(script, { type: "module", name });
}

/** What a thread is told before anything else: the memory it shares with others. */
export interface SharedMemory {
  readonly flags: SharedArrayBuffer;
  readonly gate: SharedArrayBuffer;
}

/** One for all engine threads of this process. */
const gate = new NativeGate();

/** A loop in a Worker of this process. */
export class WorkerTransport implements Transport {
  readonly loadLog = null;
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
    this.#worker.onmessageerror = () => onEnd("The engine thread sent what cannot be read");
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
