import { assertEquals, assertRejects } from "@std/assert";
import { readExactly, StreamEnded, writeAll } from "./byte_stream.ts";
import { relay } from "./relay.ts";
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

Deno.test("a message that is cut is an error", async () => {
  const [one, other] = await connected();
  await writeAll(one, new Uint8Array(3));
  one.close();
  await assertRejects(() => readExactly(other, 4), StreamEnded, "ended after 3 of 4 bytes");
  other.close();
});
