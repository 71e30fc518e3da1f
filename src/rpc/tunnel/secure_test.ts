import { assertEquals, assertRejects } from "@std/assert";
import { readExactly, writeAll } from "../streams/mod.ts";
import { connected } from "../streams/testing.ts";
import { KeyRefused, secureClient, secureServer } from "./secure.ts";

const KEY = new Uint8Array(32).fill(7);
const OTHER = new Uint8Array(32).fill(8);

Deno.test("bytes of any length cross a tunnel both ways and are not readable on its way", async () => {
  const [here, there] = await connected();
  const [client, server] = await Promise.all([secureClient(here, KEY), secureServer(there, KEY)]);
  for (const length of [1, 65_519, 65_520, 300_000]) {
    const bytes = new Uint8Array(length).map((_, index) => index % 251);
    const writing = writeAll(client, bytes);
    assertEquals(await readExactly(server, length), bytes);
    await writing;
  }
  await writeAll(server, new Uint8Array([1, 2, 3]));
  assertEquals([...await readExactly(client, 3)], [1, 2, 3]);
  server.close();
  assertEquals(await client.read(new Uint8Array(1)), null);
  client.close();
});

Deno.test("a wrong key is refused by both sides", async () => {
  const [here, there] = await connected();
  const server = assertRejects(
    () => secureServer(there, OTHER),
    KeyRefused,
    "the client has another",
  );
  await assertRejects(
    () => secureClient(here, KEY),
    KeyRefused,
    "the worker has another --rpc-key",
  );
  await server;
});

Deno.test("a client without a key, and a server without a tunnel, are refused", async () => {
  const [here, there] = await connected();
  const server = assertRejects(() => secureServer(there, KEY), KeyRefused);
  // The first request of ggml's protocol.
  await writeAll(here, new Uint8Array([14, 24, 0, 0, 0, 0, 0, 0, 0, ...Array(24).fill(0)]));
  await writeAll(here, new Uint8Array(4096)).catch(() => {});
  await server;
  here.close();
  const [client, plain] = await connected();
  const refused = assertRejects(() => secureClient(client, KEY), KeyRefused);
  await plain.write(new Uint8Array(4096));
  await refused;
  plain.close();
});

Deno.test("a silent client is refused after a time", async () => {
  const [here, there] = await connected();
  await assertRejects(
    () => secureServer(there, KEY, 20),
    KeyRefused,
    "the client did not answer the handshake within 0.02 s",
  );
  assertEquals(await here.read(new Uint8Array(1)), null);
  here.close();
});

Deno.test("a recorded handshake does not open a connection again", async () => {
  const recorded: Uint8Array<ArrayBuffer>[] = [];
  const [here, there] = await connected();
  const recorder = {
    read: (buffer: Uint8Array<ArrayBuffer>) => here.read(buffer),
    write: (bytes: Uint8Array<ArrayBuffer>) => {
      recorded.push(bytes.slice());
      return here.write(bytes);
    },
    close: () => here.close(),
  };
  const [client, server] = await Promise.all([
    secureClient(recorder, KEY),
    secureServer(there, KEY),
  ]);
  client.close();
  server.close();
  const [again, second] = await connected();
  const refused = assertRejects(() => secureServer(second, KEY), KeyRefused);
  for (const bytes of recorded) await writeAll(again, bytes);
  await refused;
  again.close();
});
