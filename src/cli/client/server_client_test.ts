/** `ps` and `stop` with a running server. */
import { assertEquals, assertInstanceOf, assertMatch, assertStringIncludes } from "@std/assert";
import { EnvironmentDouble } from "../../../tests/doubles/environment.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { ShimmyError } from "../../errors.ts";
import { modelTable } from "../commands/server/ps.ts";
import { main } from "../main.ts";
import { ServerClient } from "./server_client.ts";

/** A server with the models `m` and `other`, and commands for it. */
async function serving(args: string[] = []) {
  const server = new EnvironmentDouble({ models: [entryDouble("m"), entryDouble("other")] });
  const done = main(["serve", "--port", "0", "--in-process", ...args], server);
  while (server.out === "") await new Promise((resolve) => setTimeout(resolve, 5));
  const host = server.out.trim();
  return {
    host,
    run: async (command: string[], env: Record<string, string> = { SHIMMY_HOST: host }) => {
      const environment = new EnvironmentDouble({ env });
      return { status: await main(command, environment), ...environment };
    },
    [Symbol.asyncDispose]: async () => {
      server.interrupt("SIGTERM");
      await done;
    },
  };
}

Deno.test("ps lists the loaded models, and stop unloads one", async () => {
  await using server = await serving();
  const { host, run } = server;
  assertMatch((await run(["ps"])).out, /^NAME +STATE +MEMORY .*\n$/);
  const answer = await fetch(`http://${host}/v1/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", prompt: "Hi" }),
  });
  await answer.body?.cancel();
  assertMatch((await run(["ps"])).out, /^NAME .*\nm +loaded .* CPU +1024 +0 .*\n$/);
  const json = JSON.parse((await run(["ps", "--json"])).out);
  assertEquals(json.map(({ name, state }: Record<string, string>) => [name, state]), [
    ["m", "loaded"],
  ]);
  const stopped = await run(["stop", "m", "--host", `http://${host}/`], {});
  assertEquals([stopped.status, stopped.out], [0, "Unloaded m\n"]);
  const again = await run(["stop", "m"]);
  assertEquals([again.status, again.out, again.notes], [0, "", [
    `The server at http://${host} answers`,
    "m is not loaded",
  ]]);
  assertMatch((await run(["ps"])).out, /^NAME .*\n$/);
});

Deno.test("a command for a server says why the server cannot be used", async () => {
  await using server = await serving(["--api-key", "secret"]);
  const { host, run } = server;
  const denied = await run(["ps"]);
  assertEquals(denied.status, 1);
  assertEquals(denied.notes, [
    `shimmy: Cannot use the server at http://${host}: it requires an API key; set --api-key or ` +
    "SHIMMY_API_KEY",
  ]);
  const allowed = await run(["ps"], { SHIMMY_HOST: host, SHIMMY_API_KEY: "secret" });
  assertEquals(allowed.status, 0);
  const unknown = await run(["stop", "mm"], { SHIMMY_HOST: host, SHIMMY_API_KEY: "secret" });
  assertEquals([unknown.status, unknown.notes], [1, [
    "shimmy: Model 'mm' not found; the nearest name is 'm'; available: m, other",
  ]]);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closed = `127.0.0.1:${listener.addr.port}`;
  listener.close();
  assertEquals((await run(["ps", "--host", closed])).notes, [
    `shimmy: Cannot use the server at http://${closed}: ${closed} refused the connection; start it ` +
    "with shimmy serve, or set --host",
  ]);
  const wrong = await run(["ps", "--host", "a b"]);
  assertEquals(wrong.status, 2);
  assertStringIncludes(
    wrong.notes[0]!,
    "--host: must be HOST, HOST:PORT, unix:PATH or an http: or https: URL, not 'a b'",
  );
});

Deno.test({
  name: "a socket without a server is named, with the reason",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const missing = `${folder}/none.sock`;
      const unused = `${folder}/unused.sock`;
      // A socket that a killed server left behind: closing a listener removes its own name only.
      const listener = Deno.listen({ transport: "unix", path: `${folder}/used.sock` });
      await Deno.link(`${folder}/used.sock`, unused);
      listener.close();
      for (
        const [path, reason] of [
          [missing, "there is no such socket"],
          [unused, "no server listens on this socket"],
        ] as const
      ) {
        const environment = new EnvironmentDouble({ env: { SHIMMY_HOST: `unix:${path}` } });
        assertEquals(await main(["ps"], environment), 1);
        assertStringIncludes(
          environment.notes[0]!,
          `Cannot use the server at unix:${path}: ${reason}; start it with shimmy serve`,
        );
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("another program at the address is no Shimmy server", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response("<html>"),
  );
  const environment = new EnvironmentDouble();
  assertEquals(await main(["ps", "--host", `127.0.0.1:${server.addr.port}`], environment), 1);
  assertStringIncludes(environment.notes[0]!, "it is not a Shimmy server");
});

Deno.test("the table shows the placement, failures and the time until a model is unloaded", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const model = { name: "m", state: "loaded", progress: 1, error: null, requests: 2 };
  const loaded = { context_length: 512, layers: 4, offloaded_layers: 5, devices: ["GPU0"] };
  const rows = modelTable([
    { ...model, loaded, memory_bytes: 2048, expires_at: "2026-01-01T00:05:00Z" },
    { ...model, loaded, expires_at: null },
    { ...model, state: "failed", error: "no memory", loaded: null },
    { ...model, state: "loading", progress: 0.255, loaded: null },
  ], now).split("\n");
  assertMatch(rows[1]!, /^m +loaded +2 KiB +5 of 5 layers on GPU0 +512 +2 +5 min$/);
  assertMatch(rows[2]!, /^m +loaded +\? .* never$/);
  assertMatch(rows[3]!, /^m +failed: no memory /);
  assertMatch(rows[4]!, /^m +loading 25 % /);
});

/** The error of a stream whose body is this. */
async function streamError(body: () => BodyInit): Promise<unknown> {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(body(), { headers: { "content-type": "text/event-stream" } }),
  );
  const signal = new AbortController().signal;
  const values = { host: `127.0.0.1:${server.addr.port}`, "api-key": null };
  const client = new ServerClient(values, { env: () => undefined, signal });
  return await Array.fromAsync(client.stream("/", {}, signal, () => null)).catch((error) => error);
}

Deno.test("a server that dies amid a stream is an error of the server", async () => {
  const broken = await streamError(() =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('data: {"a":1}\n\n'));
        setTimeout(() => controller.error(new Error("killed")), 20);
      },
    })
  );
  assertInstanceOf(broken, ShimmyError);
  assertStringIncludes(broken.message, "the connection broke");
  const damaged = await streamError(() => 'data: {"a":\n\n');
  assertInstanceOf(damaged, ShimmyError);
  assertStringIncludes(damaged.message, "its stream is damaged");
});

Deno.test("a key that no header can have is refused", async () => {
  const environment = new EnvironmentDouble({ env: { SHIMMY_API_KEY: "ключ" } });
  assertEquals(await main(["ps", "--host", "127.0.0.1:1"], environment), 2);
  assertStringIncludes(
    environment.notes[0]!,
    "--api-key: must consist of visible ASCII characters",
  );
});
