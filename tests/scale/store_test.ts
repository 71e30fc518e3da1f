/** Servers that share a store of Valkey or Redis. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { openSharedStore } from "../../src/shared_store/mod.ts";
import { Machine, Server } from "../cli/machine.ts";
import { testWith } from "../packaging/tools.ts";
import { until } from "../support/until.ts";
import { redis, StoreServer, valkey } from "./store_server.ts";

/** A test with each store. The server is not started. */
function storeTest(name: string, fn: (store: StoreServer) => Promise<void>): void {
  for (const program of [valkey, redis]) {
    testWith(`${program.name}: ${name}`, program, async () => {
      await using store = new StoreServer(program);
      await fn(store);
    });
  }
}

storeTest(
  "texts are set, replaced if unchanged, and deleted; they end after their time",
  async (server) => {
    await server.start();
    const notices = { lost: () => {}, refused: () => {}, found: () => {} };
    await using one = await openSharedStore(server.url, notices);
    await using other = await openSharedStore(`${server.url}/0`, notices);
    await using apart = await openSharedStore(`${server.url}/1`, notices);
    assertEquals(await one.get("a"), null);
    assertEquals(await one.set("a", "ä\n", 60), true);
    assertEquals([await other.get("a"), await apart.get("a")], ["ä\n", null]);
    assertEquals(await other.delete("a"), true);
    assertEquals(await one.get("a"), null);
    assertEquals(await one.replace("b", null, ""), true);
    assertEquals(await other.replace("b", null, "x"), false);
    assertEquals(await other.replace("b", "", "x"), true);
    assertEquals(await one.replace("b", "", "y"), false);
    assertEquals(await one.get("b"), "x");
    await one.set("c", "short", 1);
    await until(async () => await other.get("c") === null);
  },
);

storeTest("a store that is lost is told once, and once that it is back", async (server) => {
  const told: string[] = [];
  await using store = await openSharedStore(server.url, {
    lost: () => void told.push("lost"),
    refused: () => void told.push("refused"),
    found: () => void told.push("found"),
  });
  // It is not there at the start either.
  assertEquals([await store.get("a"), await store.set("a", "x", 9)], [undefined, false]);
  assertEquals(told, ["lost"]);
  await server.start();
  await until(async () => await store.get("a") === null);
  await server.kill();
  await until(async () => await store.get("a") === undefined);
  assertEquals([await store.replace("a", null, "x"), await store.delete("a")], [false, false]);
  assertEquals(told, ["lost", "found", "lost"]);
});

storeTest(
  "servers on different machines continue each other's responses, also after the store was lost",
  async (store) => {
    await store.start();
    await using machines = new AsyncDisposableStack();
    const start = async () => {
      const machine = machines.use(await Machine.start());
      const env = { SHIMMY_STORE: store.url };
      return machines.use(await Server.start(machine, ["--port", "0", "--no-ui"], env));
    };
    const [one, other] = [await start(), await start()];
    const create = async (server: Server, previous?: string) => {
      const response = await fetch(server.url("/v1/responses"), {
        method: "POST",
        body: JSON.stringify({
          ...{ input: "What is the capital of France?", temperature: 0, max_output_tokens: 8 },
          ...(previous === undefined ? {} : { previous_response_id: previous }),
        }),
      });
      const body = await response.json();
      return { status: response.status, id: body.id as string };
    };
    const first = await create(one);
    const second = await create(other, first.id);
    assertEquals([first.status, second.status], [200, 200]);

    await store.kill();
    // Each goes on with what it has.
    assertEquals((await create(one, first.id)).status, 200);
    assertEquals((await create(other, second.id)).status, 200);
    assertEquals((await create(one, second.id)).status, 400);

    await store.start();
    await until(async () => {
      const { id } = await create(one);
      return (await create(other, id)).status === 200;
    });
    one.kill("SIGTERM");
    const { code, stderr } = await one.ended();
    assertEquals(code, 0);
    const name = `The store redis://127.0.0.1:${store.port}`;
    assertStringIncludes(stderr, `${name} cannot be reached; this server goes on without it: `);
    assertStringIncludes(stderr, `${name} can be reached again`);
  },
);

storeTest(
  "the limit of a key counts on all servers, and its revocation holds on all",
  async (store) => {
    await store.start();
    await using machines = new AsyncDisposableStack();
    const first = machines.use(await Machine.start());
    const folder = join(first.home, "keys");
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await first.run(["keys", ...args, "--keys-dir", folder]);
      assertEquals(code, 0, stderr);
      return stdout.trim();
    };
    await run("init");
    const key = await run("create", "--name", "n", "--rate", "10000/day");
    const [{ id }] = JSON.parse(await run("list", "--json"));
    const second = machines.use(await Machine.start());
    const copy = join(second.home, "keys");
    await Deno.mkdir(copy);
    for (const file of ["signing.json", "keys.json"]) {
      await Deno.copyFile(join(folder, file), join(copy, file));
    }
    const env = { SHIMMY_STORE: store.url };
    const start = async (machine: Machine, keys: string) =>
      machines.use(await Server.start(machine, ["--port", "0", "--keys-dir", keys], env));
    const [one, other] = [await start(first, folder), await start(second, copy)];
    const ask = async (server: Server) => {
      const headers = { authorization: `Bearer ${key}` };
      const response = await fetch(server.url("/v1/models"), { headers });
      await response.body?.cancel();
      const remaining = Number(response.headers.get("x-ratelimit-remaining-requests"));
      return { status: response.status, remaining };
    };
    for (let count = 0; count < 3; count++) assertEquals((await ask(one)).status, 200);
    let asked = 3;
    // Each question counts too.
    await until(async () => (await ask(other)).remaining === 10_000 - ++asked);

    await run("revoke", id);
    await until(async () => (await ask(other)).status === 401);
    // It is in memory first, so that it holds where the folder cannot be written.
    await until(async () =>
      id in JSON.parse(await Deno.readTextFile(join(copy, "keys.json"))).revoked
    );
  },
);
