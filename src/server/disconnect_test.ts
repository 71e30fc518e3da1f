import { assertEquals } from "@std/assert";
import { until } from "../../tests/doubles/context.ts";
import { listen, type Listening } from "../../tests/doubles/listening.ts";

/** Says `x` for ever, a token a millisecond. */
function endless(): Listening {
  return listen({
    script: { tokens: ["x"], endless: true },
    beforeToken: () => new Promise((resolve) => setTimeout(resolve, 1)),
    info: { contextLength: 1_000_000 },
  });
}

async function request(server: Listening, body: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await connection.write(new TextEncoder().encode(
    `POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  ));
  return connection;
}

Deno.test("a connection that drops while it streams cancels its answer", async () => {
  await using server = endless();
  const connection = await request(server, '{"prompt":"Hi","stream":true}');
  await connection.read(new Uint8Array(4096));
  assertEquals(server.engine.running, 1);
  connection.close();
  await until(() => server.engine.running === 0);
  assertEquals(server.engine.controls, [{ type: "cancel" }]);
});

Deno.test("a connection that drops while it waits for a whole answer cancels it", async () => {
  await using server = endless();
  const connection = await request(server, '{"prompt":"Hi"}');
  await until(() => server.engine.running === 1);
  connection.close();
  await until(() => server.engine.running === 0);
  assertEquals(server.engine.finished, ["cancelled"]);
});

Deno.test("a connection that drops while no token comes cancels its answer", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = listen({ beforeToken: (index) => index < 1 ? undefined : gate.promise });
  const connection = await request(server, '{"prompt":"Hi","stream":true}');
  await connection.read(new Uint8Array(4096));
  connection.close();
  await until(() => server.engine.controls.length > 0);
  assertEquals(server.engine.controls, [{ type: "cancel" }]);
  gate.resolve();
  await until(() => server.engine.running === 0);
  assertEquals(server.engine.finished, ["cancelled"]);
});

Deno.test("an answer that was read to its end is not cancelled", async () => {
  await using server = listen();
  const response = await fetch(`http://127.0.0.1:${server.port}/api/generate`, {
    method: "POST",
    body: '{"prompt":"Hi","stream":true}',
  });
  assertEquals(await response.text(), "data: Hello\n\ndata:  world\n\ndata: [DONE]\n\n");
  assertEquals(server.engine.finished, ["stop"]);
  assertEquals(server.engine.controls, []);
});
