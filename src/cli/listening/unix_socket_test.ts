import { assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { join } from "node:path";
import { ShimmyError } from "../../errors.ts";
import type { Handler, Listener } from "../../server/mod.ts";
import { listenOnSocket } from "./unix_socket.ts";

/** Listens as soon as the server before has closed its listener. */
async function listenAfter(path: string, handler: Handler): Promise<Listener> {
  for (;;) {
    try {
      return await listenOnSocket(path, handler);
    } catch (error) {
      if (!(error instanceof ShimmyError)) throw error;
      await delay(5);
    }
  }
}

Deno.test({
  name: "a server that finishes its requests leaves the socket of its successor",
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = join(folder, "s.sock");
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path } });
    const ask = async () => await (await fetch("http://localhost/", { client })).text();
    const { promise: release, resolve } = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const first = await listenOnSocket(path, async () => {
      started.resolve();
      await release;
      return new Response("first", { headers: { connection: "close" } });
    });
    const slow = ask();
    await started.promise;
    const ended = first.shutdown();
    const second = await listenAfter(
      path,
      () => Promise.resolve(new Response("second", { headers: { connection: "close" } })),
    );
    resolve();
    assertEquals(await slow, "first");
    await ended;
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    assertEquals(await ask(), "second");
    await second.shutdown();
    assertEquals(await Deno.lstat(path).catch(() => null), null);
    await Deno.remove(folder, { recursive: true });
  },
});
