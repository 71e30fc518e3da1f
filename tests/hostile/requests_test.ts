/** Requests whose lines and headers are no HTTP that a client library would send. */
import { assertEquals, assertMatch } from "@std/assert";
import { Machine, Server } from "../cli/machine.ts";

/** The complete response to the bytes of a request. */
async function exchange(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (let read; (read = await connection.read(buffer).catch(() => null)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
  return text;
}

const end = "Connection: close\r\n\r\n";

/** The head of a request, and the beginning of the body of the answer. */
const REQUESTS: Readonly<Record<string, readonly [head: string, body: RegExp]>> = {
  "a Host with a space": [`GET /health HTTP/1.1\r\nHost: a b\r\n${end}`, /^\{"error":"/],
  "a Host of brackets": [
    `GET /v1/models HTTP/1.1\r\nHost: [[[\r\n${end}`,
    /^\{"error":\{"message":/,
  ],
  "a Host that is no address": [
    `GET /v1/messages HTTP/1.1\r\nHost: 127.999.1.1\r\n${end}`,
    /^\{"type":"error"/,
  ],
  "an absolute target that is no URL": [
    `GET http://[/ HTTP/1.1\r\nHost: 127.0.0.1\r\n${end}`,
    /./,
  ],
};

Deno.test("requests that form no URL get 400 in the shape of a dialect", async (test) => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const port = Number(server.address.split(":").at(-1));
  for (const [name, [request, body]] of Object.entries(REQUESTS)) {
    await test.step(name, async () => {
      const response = await exchange(port, request);
      const [head = "", text = ""] = response.split("\r\n\r\n");
      assertMatch(head, /^HTTP\/1.1 400 /);
      if (!name.startsWith("an absolute")) assertMatch(text.replace(/^[0-9a-f]+\r\n/, ""), body);
    });
  }
  const response = await fetch(server.url("/health"));
  assertEquals(await response.json(), { status: "ok" });
});

Deno.test("a page of another site cannot make a browser plan a load", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine);
  const plan = async (headers: HeadersInit) => {
    const response = await fetch(server.url("/api/models/shimmy-tiny/plan"), { headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await plan({ "sec-fetch-site": "cross-site", "sec-fetch-dest": "image" }), 403);
  assertEquals(await plan({ "sec-fetch-site": "same-site" }), 403);
  assertEquals(await plan({ "sec-fetch-site": "same-origin" }), 200);
  assertEquals(await plan({ "sec-fetch-site": "none" }), 200);
  assertEquals(await plan({}), 200);
});

Deno.test("--max-body sets the size of the largest body", async () => {
  await using machine = await Machine.start();
  await using server = await Server.start(machine, ["--port", "0", "--max-body", "64KiB"]);
  const count = (length: number) =>
    fetch(server.url("/tokenize"), {
      method: "POST",
      body: JSON.stringify({ content: " ".repeat(length) }),
    });
  const refused = await count(65_536);
  assertEquals(refused.status, 413);
  assertMatch(await refused.text(), /larger than 65536 bytes/);
  const accepted = await count(65_000);
  assertEquals(accepted.status, 200);
  await accepted.body?.cancel();
});
