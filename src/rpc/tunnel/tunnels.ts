import { startOwnThread } from "../../own_thread.ts";

/** Name of the thread with the local ends of tunnels. */
export const TUNNEL_THREAD = "shimmy-rpc-tunnel";

function startTunnelThread(): Worker {
  return startOwnThread(TUNNEL_THREAD, new URL("./thread_main.ts", import.meta.url));
}

/** A worker behind a tunnel. */
export interface TunnelTarget {
  readonly hostname: string;
  readonly port: number;
}

/** Asks the thread for the local end of a tunnel. */
export interface TunnelRequest {
  readonly id: number;
  readonly target: TunnelTarget;
  readonly key: Uint8Array<ArrayBuffer>;
}

/** The port of the local end. */
export interface TunnelReply {
  readonly id: number;
  readonly port: number;
}

/**
 * Local ends of tunnels, in a thread: weights are encrypted there, and do not hold up requests. ggml connects to
 * them instead of the workers.
 */
export class Tunnels implements Disposable {
  readonly #key: Uint8Array<ArrayBuffer>;
  readonly #ports = new Map<string, Promise<number>>();
  readonly #waiting = new Map<number, PromiseWithResolvers<number>>();
  readonly #startThread: () => Worker;
  #thread: Worker | null = null;

  /** @param startThread starts the thread; tests pass their own. */
  constructor(key: Uint8Array<ArrayBuffer>, startThread = startTunnelThread) {
    this.#key = key;
    this.#startThread = startThread;
  }

  /**
   * The address of the local end of a tunnel to a worker. It is the same for each call, as long as the thread runs.
   *
   * @throws {Error} if the thread fails. The next call starts another one.
   */
  async address(target: TunnelTarget): Promise<string> {
    const name = JSON.stringify([target.hostname, target.port]);
    let port = this.#ports.get(name);
    if (port === undefined) this.#ports.set(name, port = this.#open(target));
    return `127.0.0.1:${await port}`;
  }

  #open({ hostname, port }: TunnelTarget): Promise<number> {
    const waiting = Promise.withResolvers<number>();
    const thread = this.#thread ??= this.#start();
    const request: TunnelRequest = {
      id: this.#ports.size,
      target: { hostname, port },
      key: this.#key,
    };
    this.#waiting.set(request.id, waiting);
    thread.postMessage(request);
    return waiting.promise;
  }

  #start(): Worker {
    const thread = this.#startThread();
    thread.onmessage = ({ data: { id, port } }: MessageEvent<TunnelReply>) => {
      this.#waiting.get(id)?.resolve(port);
      this.#waiting.delete(id);
    };
    thread.onerror = (event) => {
      // Without this, the whole program ends.
      event.preventDefault();
      this.#fail(event.message);
    };
    return thread;
  }

  /** The thread has ended, and all tunnels with it. */
  #fail(reason: string): void {
    this.#thread = null;
    this.#ports.clear();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    const error = new Error(`The thread of the tunnels has failed: ${reason}`);
    for (const { reject } of waiting) reject(error);
  }

  [Symbol.dispose](): void {
    this.#thread?.terminate();
    this.#thread = null;
    this.#ports.clear();
  }
}
