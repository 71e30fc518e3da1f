import { assert, assertEquals, assertRejects } from "@std/assert";
import { readExactly, StreamEnded, writeAll } from "./byte_stream.ts";
import { relay, relayToServer } from "./relay.ts";
import { connected } from "./testing.ts";

Deno.test("a relay copies bytes both ways, and ends both sides when one ends", async () => {
  const [client, clientEnd] = await connected();
  const [serverEnd, server] = await connected();
  const running = relay(clientEnd, serverEnd);
  const question = crypto.getRandomValues(new Uint8Array(60_000));
  await writeAll(client, question);
  assertEquals(await readExactly(server, question.length), question);
  await writeAll(server, new Uint8Array([1, 2, 3]));
  assertEquals([...await readExactly(client, 3)], [1, 2, 3]);
  server.close();
  assertEquals(await client.read(new Uint8Array(1)), null);
  await running;
  client.close();
});

Deno.test("a server finishes its requests after its client has ended", async () => {
  const [client, clientEnd] = await connected();
  const [serverEnd, server] = await connected();
  let isFinished = false;
  const serving = (async () => {
    const request = await readExactly(server, 60_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await writeAll(server, request);
    assertEquals(await server.read(new Uint8Array(1)), null);
    isFinished = true;
    server.close();
  })();
  const running = relayToServer(clientEnd, serverEnd, 60_000);
  await writeAll(client, new Uint8Array(60_000));
  client.close();
  await running;
  assert(isFinished);
  await serving;
});

Deno.test("a server that does not end is left after a time", async () => {
  const [client, clientEnd] = await connected();
  const [serverEnd, server] = await connected();
  client.close();
  await relayToServer(clientEnd, serverEnd, 20);
  await assertRejects(() => serverEnd.write(new Uint8Array(1)));
  server.close();
});

Deno.test("a client ends when its server has ended", async () => {
  const [client, clientEnd] = await connected();
  const [serverEnd, server] = await connected();
  server.close();
  await relayToServer(clientEnd, serverEnd, 60_000);
  assertEquals(await client.read(new Uint8Array(1)), null);
  client.close();
});

Deno.test("a message that is cut is an error", async () => {
  const [one, other] = await connected();
  await writeAll(one, new Uint8Array(3));
  one.close();
  await assertRejects(() => readExactly(other, 4), StreamEnded, "ended after 3 of 4 bytes");
  other.close();
});
