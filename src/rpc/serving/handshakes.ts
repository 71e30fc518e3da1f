import { closeQuietly } from "../streams/mod.ts";

/** A connection of a client. `Deno.TcpConn` is one. */
export interface ClientConnection {
  readonly remoteAddr: { readonly hostname: string };
  close(): void;
}

/** The handshake of a client was ended for that of another client. */
export class HandshakeReplaced extends Error {
  override readonly name = "HandshakeReplaced";
}

/**
 * Handshakes that are under way. A client that is silent cannot keep others out: when there are too many handshakes, a
 * new one ends the oldest of the address that has the most. A handshake of a client with the key takes a round
 * trip, so that silent connections are older.
 */
export class Handshakes {
  readonly #limit: number;
  /** In the order in which they began. */
  readonly #underWay = new Set<ClientConnection>();

  /** @param limit handshakes at a time */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Does a handshake, which begins now.
   *
   * @throws {HandshakeReplaced} if the connection was closed for another one.
   */
  async run<T>(connection: ClientConnection, handshake: () => Promise<T>): Promise<T> {
    if (this.#underWay.size >= this.#limit) this.#endOldest();
    this.#underWay.add(connection);
    try {
      const secured = await handshake();
      if (this.#underWay.has(connection)) return secured;
    } catch (error) {
      if (this.#underWay.has(connection)) throw error;
    } finally {
      this.#underWay.delete(connection);
    }
    throw new HandshakeReplaced(
      `its handshake was the oldest of ${this.#limit}, and another client came`,
    );
  }

  #endOldest(): void {
    const byAddress = new Map<string, ClientConnection[]>();
    for (const connection of this.#underWay) {
      const { hostname } = connection.remoteAddr;
      const others = byAddress.get(hostname);
      if (others === undefined) byAddress.set(hostname, [connection]);
      else others.push(connection);
    }
    const most = [...byAddress.values()].reduce((one, other) =>
      other.length > one.length ? other : one
    );
    const [oldest] = most;
    this.#underWay.delete(oldest!);
    closeQuietly(oldest!);
  }
}
