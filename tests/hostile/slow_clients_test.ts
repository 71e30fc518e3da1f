/** Clients that hold connections without using them, and a server that stops meanwhile. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { Machine, Server } from "../cli/machine.ts";

/** The bindings of connections exist on Linux and macOS. */
const ignore = Deno.build.os === "windows";

function portOf(server: Server): number {
  return Number(server.address.split(":").at(-1));
}

async function connect(server: Server, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: portOf(server) });
  await connection.write(new TextEncoder().encode(text));
  return connection;
}

/** Everything that the server sends until it closes the connection. */
async function untilClosed(connection: Deno.TcpConn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4096);
  for (let read; (read = await connection.read(buffer).catch(() => null)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
  connection.close();
  return text;
}

Deno.test({
  name: "half a request, half a body and idle connections are closed after their time",
  ignore,
  async fn() {
    await using machine = await Machine.start();
    await using server = await Server.start(machine, ["--port", "0", "--request-timeout", "2"]);
    const head = "POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\n";
    const clients = await Promise.all([
      connect(server, ""),
      connect(server, head),
      connect(server, `${head}Content-Length: 100\r\n\r\n{"prompt":`),
      connect(server, `${head}Transfer-Encoding: chunked\r\n\r\n3\r\n{"p\r\n`),
      connect(server, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    ]);
    const [nothing, half, sized, chunked, idle] = await Promise.all(clients.map(untilClosed));
    assertEquals(nothing, "");
    assertEquals(half, "");
    for (const answer of [sized, chunked]) {
      assertStringIncludes(answer!, "HTTP/1.1 408 ");
      assertStringIncludes(answer!, "The body did not come within 2 s");
    }
    assertStringIncludes(idle!, '{"status":"ok"}');
    const response = await fetch(server.url("/health"));
    assertEquals(await response.json(), { status: "ok" });
  },
});

Deno.test({
  name: "beyond the maximum, idle connections are closed and running requests are not",
  ignore,
  async fn() {
    await using machine = await Machine.start();
    await using server = await Server.start(machine, ["--port", "0", "--max-connections", "4"]);
    const running = await server.generate({
      prompt: "Tell me a story.",
      ignore_eos: true,
      max_tokens: 600,
      stream: true,
    });
    assertEquals(running.status, 200);
    const many = await Promise.all(Array.from({ length: 12 }, () => connect(server, "")));
    const closed = many.map((connection) => untilClosed(connection));
    assertEquals(await Promise.race(closed), "");
    assertStringIncludes(await running.text(), "data: [DONE]");
  },
});

Deno.test("a stopping server drains for the time of --drain, and a second signal ends it", async () => {
  await using machine = await Machine.start();
  const endless = { prompt: "Tell me a story.", ignore_eos: true, max_tokens: 900, stream: true };
  await using server = await Server.start(machine, ["--port", "0", "--drain", "1"]);
  const cut = await server.generate(endless);
  server.kill("SIGTERM");
  const { stderr } = await server.ended();
  assertStringIncludes(stderr, "Finishing running requests for at most 1 s");
  await cut.text().catch(() => {});

  const options = ["--port", "0", "--drain", "3600", "--ctx", "16384"];
  await using patient = await Server.start(machine, options);
  // An answer of many seconds.
  const held = await patient.generate({ ...endless, max_tokens: 12_000 });
  patient.kill("SIGTERM");
  await delay(500);
  patient.kill("SIGTERM");
  assertEquals((await patient.ended()).code, 130);
  await held.body?.cancel().catch(() => {});
});
