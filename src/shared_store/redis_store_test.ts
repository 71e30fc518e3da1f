import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { openSharedStore } from "./mod.ts";

/** A server that answers each command by its first word, or does not answer. */
class ServerDouble implements AsyncDisposable {
  /** Number of connections until now. */
  connections = 0;
  isSilent = false;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<unknown>;

  constructor(readonly answers: Readonly<Record<string, string>>) {
    this.#serving = this.#accept();
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#listener.addr.port}`;
  }

  async #accept(): Promise<void> {
    const running: Promise<void>[] = [];
    for await (const connection of this.#listener) {
      this.connections++;
      running.push(this.#serve(connection).catch(() => {}));
    }
    await Promise.all(running);
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    using _ = connection;
    for await (const chunk of connection.readable) {
      if (this.isSilent) continue;
      // A command is an array of texts with their lengths: `*2 $3 GET $1 a`.
      const text = new TextDecoder().decode(chunk);
      for (const [, word = ""] of text.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        const answer = this.answers[word.toUpperCase()] ?? "+OK\r\n";
        await connection.write(new TextEncoder().encode(answer));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

const HELLO = "-ERR unknown command 'HELLO'\r\n";

/** A store, and what it tells. */
async function open(url: string) {
  const told: string[] = [];
  const store = await openSharedStore(url, {
    lost: (reason) => void told.push(`lost: ${reason}`),
    refused: (command, reason) => void told.push(`refused ${command}: ${reason}`),
    found: () => void told.push("found"),
  });
  return { store, told };
}

Deno.test("a start does not wait for a server that is loading its file", async () => {
  const INFO = bulk("loading:1\r\nloading_eta_seconds:60\r\n");
  await using server = new ServerDouble({ HELLO, INFO });
  const start = performance.now();
  {
    const { store, told } = await open(server.url);
    await using _ = store;
    assert(performance.now() - start < 10_000);
    assertEquals(server.connections, 1);
    assertEquals(told, ["lost: it does not answer"]);
    assertEquals(await store.get("a"), undefined);
  }
  // The client does not clear the timer of its next question.
  await delay(600);
});

Deno.test("a connection without answers counts as lost, and commands then fail at once", async () => {
  await using server = new ServerDouble({ HELLO, INFO: bulk("loading:0\r\n"), GET: bulk("x") });
  const { store, told } = await open(server.url);
  await using _ = store;
  assertEquals(await store.get("a"), "x");
  server.isSilent = true;
  assertEquals(await store.get("a"), undefined);
  const deadline = performance.now() + 10_000;
  // The client gives up this connection and makes others.
  while (server.connections < 2) {
    assert(performance.now() < deadline, "the connection was kept");
    await delay(20);
  }
  // A command without an answer fails after 1,000 milliseconds. Timers keep their order on a slow machine.
  const late = new AbortController();
  const waited = delay(900, late).then(() => "late", () => "ended");
  assertEquals(await Promise.race([store.get("a"), waited]), undefined);
  late.abort();
  assertEquals(told.length, 1);
});

const READY = { HELLO, INFO: bulk("loading:0\r\n") };

Deno.test("a store that only refuses to write is told once, until it writes again", async () => {
  const answers: Record<string, string> = { ...READY, GET: bulk("x"), SET: "-OOM full\r\n" };
  await using server = new ServerDouble(answers);
  const { store, told } = await open(server.url);
  await using _ = store;
  for (let round = 0; round < 3; round++) {
    assertEquals([await store.set("a", "b", 9), await store.get("a")], [false, "x"]);
  }
  assertEquals(told, ["refused SET: OOM full"]);
  answers.SET = "+OK\r\n";
  assertEquals(await store.set("a", "b", 9), true);
  assertEquals(told, ["refused SET: OOM full", "found"]);
});

Deno.test("a store that is no store is told once, and nothing it sends ends the program", async () => {
  const nothingAsked = "$-1\r\n".repeat(20);
  const hostile = [nothingAsked, ">1\r\n_\r\n", "$99999999999\r\n", "*1\r\n".repeat(50_000)];
  for (const GET of [...hostile, "HTTP/1.1 400 Bad Request\r\n\r\n"]) {
    await using server = new ServerDouble({ ...READY, GET });
    const { store, told } = await open(server.url);
    await using _ = store;
    const deadline = performance.now() + 10_000;
    // The client connects again, and asks.
    while (server.connections < 3) {
      assertEquals(await store.get("a"), undefined);
      assert(performance.now() < deadline, "there was no other connection");
      await delay(20);
    }
    assertEquals(told, ["lost: it does not answer as a server of Valkey or Redis does"]);
  }
});
