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
 * Starts and ends preparation threads: the first one here, others from a thread of its own. The thread that
 * starts a Worker is blocked until the Worker has its heap, which takes long on a busy machine; but from
 * Deno 2.9.3 on, a Worker that another Worker starts runs a second later, for which no first request should
 * wait.
 */
export class ThreadHost implements Disposable {
  #worker: Worker | null = null;
  readonly #failed = new Map<number, (message: string) => void>();
  #last = 0;

  /**
   * Starts a thread. Messages to its port wait until it runs.
   *
   * @param failed Called with the message of an error that ended the thread.
   */
  start(failed: (message: string) => void): HostedThread {
    const id = ++this.#last;
    const { port1, port2 } = new MessageChannel();
    const end = id === 1 ? startHere(port2, failed) : this.#startInWorker(id, port2, failed);
    return {
      port: port1,
      [Symbol.dispose]: () => {
        port1.close();
        end();
      },
    };
  }

  #startInWorker(id: number, port: MessagePort, failed: (message: string) => void): () => void {
    this.#failed.set(id, failed);
    this.#send({ start: id, port }, [port]);
    return () => {
      if (this.#failed.delete(id)) this.#send({ end: id });
    };
  }

  #send(message: ToHost, transfer: Transferable[] = []): void {
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(message, transfer);
  }

  #startWorker(): Worker {
    const worker = startOwnThread(PREPARATION_HOST, new URL("./host_main.ts", import.meta.url));
    worker.onmessage = ({ data }: MessageEvent<FromHost>) =>
      this.#failed.get(data.failed)?.(data.message);
    worker.onerror = (event) => {
      event.preventDefault();
      for (const failed of [...this.#failed.values()]) failed(event.message);
    };
    return worker;
  }

  /** Ends the host and its threads. Threads that it did not start are ended one by one. */
  [Symbol.dispose](): void {
    this.#worker?.terminate();
  }
}

/** Starts a thread from this one. @returns what ends it. */
function startHere(port: MessagePort, failed: (message: string) => void): () => void {
  const thread = startOwnThread(PREPARATION_THREAD, new URL("./thread_main.ts", import.meta.url));
  thread.onerror = (event) => {
    event.preventDefault();
    failed(event.message);
  };
  thread.postMessage(port, [port]);
  return () => thread.terminate();
}
