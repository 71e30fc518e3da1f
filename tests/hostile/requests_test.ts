/** Requests whose lines and headers are no HTTP that a client library would send. */
import { assertEquals, assertMatch } from "@std/assert";
import { Machine, Server } from "../cli/machine.ts";
import { exchange, REQUESTS } from "./raw_requests.ts";

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
