import { startOwnThread } from "../../own_thread.ts";

/** Name of the thread with the local ends of tunnels. */
export const TUNNEL_THREAD = "shimmy-rpc-tunnel";

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
  readonly #waiting = new Map<number, (port: number) => void>();
  #thread: Worker | null = null;

  constructor(key: Uint8Array<ArrayBuffer>) {
    this.#key = key;
  }

  /** The address of the local end of a tunnel to a worker. It is the same for each call. */
  async address(target: TunnelTarget): Promise<string> {
    const name = JSON.stringify([target.hostname, target.port]);
    let port = this.#ports.get(name);
    if (port === undefined) this.#ports.set(name, port = this.#open(target));
    return `127.0.0.1:${await port}`;
  }

  #open({ hostname, port }: TunnelTarget): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const thread = this.#thread ??= this.#start();
    const request: TunnelRequest = {
      id: this.#ports.size,
      target: { hostname, port },
      key: this.#key,
    };
    this.#waiting.set(request.id, resolve);
    thread.addEventListener(
      "error",
      () => reject(new Error("The thread of the tunnels has failed")),
    );
    thread.postMessage(request);
    return promise;
  }

  #start(): Worker {
    const thread = startOwnThread(TUNNEL_THREAD, new URL("./thread_main.ts", import.meta.url));
    thread.onmessage = ({ data: { id, port } }: MessageEvent<TunnelReply>) => {
      this.#waiting.get(id)?.(port);
      this.#waiting.delete(id);
    };
    return thread;
  }

  [Symbol.dispose](): void {
    this.#thread?.terminate();
    this.#thread = null;
    this.#ports.clear();
  }
}
