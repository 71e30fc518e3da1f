import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { startOwnThread } from "../../own_thread.ts";
import { Tunnels } from "./tunnels.ts";

const KEY = new Uint8Array(32);
const FAILING =
  "data:application/javascript,onmessage = () => { throw new Error('no files left'); };";

Deno.test("a thread of tunnels that fails refuses all calls, and the next call starts another one", async () => {
  let threads = 0;
  using tunnels = new Tunnels(KEY, () => {
    if (threads++ === 0) return new Worker(FAILING, { type: "module" });
    return startOwnThread("tunnels", new URL("./thread_main.ts", import.meta.url));
  });
  const target = { hostname: "127.0.0.1", port: 9 };
  const other = { hostname: "127.0.0.1", port: 10 };
  const both = [target, target, other].map((one) =>
    assertRejects(() => tunnels.address(one), Error, "no files left")
  );
  await Promise.all(both);
  const address = await tunnels.address(target);
  assertMatch(address, /^127\.0\.0\.1:\d+$/);
  assertEquals(await tunnels.address(target), address);
  assertEquals(threads, 2);
});
