import { assertEquals, assertRejects } from "@std/assert";
import { type ClientConnection, HandshakeReplaced, Handshakes } from "./handshakes.ts";

/** A client that is silent until it is closed, or until it shows its key. */
class ClientDouble implements ClientConnection {
  readonly #handshake = Promise.withResolvers<string>();
  readonly remoteAddr: { readonly hostname: string };

  constructor(hostname: string, handshakes: Handshakes) {
    this.remoteAddr = { hostname };
    this.result = handshakes.run(this, () => this.#handshake.promise)
      .catch((error: Error) => error.name);
  }

  readonly result: Promise<string>;

  close(): void {
    this.#handshake.reject(new Error("closed"));
  }

  showKey(): void {
    this.#handshake.resolve("secured");
  }
}

function clients(handshakes: Handshakes, ...hostnames: string[]): ClientDouble[] {
  return hostnames.map((hostname) => new ClientDouble(hostname, handshakes));
}

Deno.test("the oldest handshake of the address with the most ends for a new one", async () => {
  const handshakes = new Handshakes(4);
  const [alone, first, second, third] = clients(handshakes, "a", "b", "b", "b");
  const [late] = clients(handshakes, "a");
  assertEquals(await first!.result, "HandshakeReplaced");
  const others = [alone!, second!, third!, late!];
  for (const client of others) client.showKey();
  for (const client of others) assertEquals(await client.result, "secured");
});

Deno.test("handshakes that have ended leave room", async () => {
  const handshakes = new Handshakes(2);
  const [silent, right] = clients(handshakes, "a", "a");
  right!.showKey();
  assertEquals(await right!.result, "secured");
  const [next] = clients(handshakes, "a");
  next!.close();
  assertEquals(await next!.result, "Error");
  const [last] = clients(handshakes, "a");
  last!.showKey();
  assertEquals(await last!.result, "secured");
  silent!.showKey();
  assertEquals(await silent!.result, "secured");
});

Deno.test("a handshake that was ended for another one is refused, also if it succeeds then", async () => {
  const handshakes = new Handshakes(1);
  const finish = Promise.withResolvers<string>();
  const connection = { remoteAddr: { hostname: "a" }, close: () => {} };
  const refused = assertRejects(
    () => handshakes.run(connection, () => finish.promise),
    HandshakeReplaced,
    "the oldest of 1",
  );
  const [other] = clients(handshakes, "b");
  finish.resolve("secured");
  await refused;
  other!.showKey();
  assertEquals(await other!.result, "secured");
});
