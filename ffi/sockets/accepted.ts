import { openDescriptors, type PosixSystem, SocketLibrary } from "./posix.ts";

/** A TCP connection that this process accepted. */
export interface AcceptedConnection {
  /** Address and port of the other end, canonical. */
  readonly remote: string;
  /** Port of the other end. */
  readonly port: number;
  readonly descriptor: number;
}

/** Lists the connections that this process accepted, and ends them. */
export class AcceptedConnections implements Disposable {
  readonly #library: SocketLibrary;

  constructor(system: PosixSystem) {
    this.#library = new SocketLibrary(system);
  }

  /** The connections to a local port. */
  list(localPort: number): AcceptedConnection[] {
    const found: AcceptedConnection[] = [];
    for (const descriptor of openDescriptors(this.#library)) {
      const peer = this.#library.endPoint("getpeername", descriptor);
      if (peer === null) continue;
      if (this.#library.endPoint("getsockname", descriptor)?.port !== localPort) continue;
      const remote = `${peer.address()} ${peer.port}`;
      found.push({ remote, port: peer.port, descriptor });
    }
    return found;
  }

  /**
   * Ends a connection: its owner reads the end of it and closes the descriptor. Does nothing if the
   * descriptor now belongs to another connection.
   */
  end({ remote, descriptor }: AcceptedConnection): void {
    const peer = this.#library.endPoint("getpeername", descriptor);
    if (peer === null || `${peer.address()} ${peer.port}` !== remote) return;
    this.#library.shutdown(descriptor);
  }

  [Symbol.dispose](): void {
    this.#library.close();
  }
}
