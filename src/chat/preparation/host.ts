import { startOwnThread } from "../../own_thread.ts";

/** Names of the threads, by which the main module recognises them. */
export const PREPARATION_HOST = "shimmy-preparation-host";
export const PREPARATION_THREAD = "shimmy-preparation";

/** Message to the host. */
export type ToHost =
  /** Start a thread that works for the other end of `port`. */
  | { readonly start: number; readonly port: MessagePort }
  | { readonly end: number };

/** Message from the host: a thread has failed outside of a task. */
export interface FromHost {
  readonly failed: number;
  readonly message: string;
}

/** A thread of a {@linkcode ThreadHost}. */
export interface HostedThread extends Disposable {
  readonly port: MessagePort;
}

/**
 * Starts and ends preparation threads from a thread of its own. The thread that starts a Worker is blocked
 * until the Worker has its heap, which takes long on a busy machine.
 */
export class ThreadHost implements Disposable {
  readonly #worker = startOwnThread(PREPARATION_HOST, new URL("./host_main.ts", import.meta.url));
  readonly #failed = new Map<number, (message: string) => void>();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromHost>) =>
      this.#failed.get(data.failed)?.(data.message);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const failed of [...this.#failed.values()]) failed(event.message);
    };
  }

  /**
   * Starts a thread. Messages to its port wait until it runs.
   *
   * @param failed Called with the message of an error that ended the thread.
   */
  start(failed: (message: string) => void): HostedThread {
    const id = ++this.#last;
    const { port1, port2 } = new MessageChannel();
    this.#failed.set(id, failed);
    this.#send({ start: id, port: port2 }, [port2]);
    return {
      port: port1,
      [Symbol.dispose]: () => {
        if (!this.#failed.delete(id)) return;
        port1.close();
        this.#send({ end: id });
      },
    };
  }

  #send(message: ToHost, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  /** Ends the host and its threads. */
  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}
