import { assertEquals } from "@std/assert";
import { get, post, serverDouble, until } from "../../../tests/doubles/context.ts";
import { Client, listen } from "../../../tests/doubles/listening.ts";

Deno.test("a model is held until its answer is sent, and no longer", async () => {
  const gate = Promise.withResolvers<void>();
  const { handler, pool } = serverDouble({
    beforeToken: (index) => index === 1 ? gate.promise : undefined,
  });
  const response = await handler(post("/api/generate", { prompt: "x", stream: true }));
  assertEquals(pool.leases, 1);
  const text = response.text();
  gate.resolve();
  await text;
  assertEquals(pool.leases, 0);
  await (await handler(post("/api/generate", { prompt: "x" }))).text();
  assertEquals(pool.leases, 0);
});

Deno.test("a client that disconnects releases the model", async () => {
  const { handler, pool } = serverDouble({ script: { tokens: ["a"], endless: true } });
  const response = await handler(post("/api/generate", { prompt: "x", stream: true }));
  await response.body!.cancel();
  await until(() => pool.leases === 0);
});

Deno.test("a request that fails releases the model", async () => {
  const { handler, pool } = serverDouble();
  const response = await handler(post("/api/generate", { prompt: "x".repeat(2000) }));
  assertEquals(response.status, 400);
  assertEquals(pool.leases, 0);
});

Deno.test("a WebSocket holds the model for as long as one of its answers runs", async () => {
  await using server = listen();
  await using client = await new Client(server.port).open();
  client.send({ prompt: "x", keep_alive: 0 });
  await client.answer();
  await until(() => server.pool.leases === 0);
  assertEquals(server.pool.state((await server.pool.list())[0]!).state, "unloaded");
});

Deno.test("a waiting request gets its queue position, and /diag lists all", async () => {
  const gate = Promise.withResolvers<void>();
  const { handler } = serverDouble({ info: { parallel: 1 }, beforeToken: () => gate.promise });
  // Answered only when the first is, as it is not streamed.
  const ask = (id: string) =>
    handler(post("/api/generate", { prompt: "x" }, { "x-request-id": id }));
  const first = ask("first");
  const second = ask("second");
  const third = ask("third");
  const queue = async () => {
    const { models } = await (await handler(get("/diag"))).json();
    return models[0].queue;
  };
  let status = await queue();
  for (let tries = 0; status?.waiting !== 2 && tries < 100; tries++) status = await queue();
  const { running, requests } = status;
  assertEquals(running, 1);
  assertEquals(
    requests.map((one: { request_id: string; position: number }) => [one.request_id, one.position]),
    [["second", 1], ["third", 2]],
  );
  gate.resolve();
  const places = (await Promise.all([first, second, third])).map((response) =>
    response.headers.get("x-shimmy-queue-position")
  );
  assertEquals(places, [null, "1", "2"]);
  assertEquals((await second).headers.has("x-shimmy-queue-estimate-ms"), true);
  assertEquals((await queue()).waiting, 0);
});
