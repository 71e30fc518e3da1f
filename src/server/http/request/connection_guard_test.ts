import { assertEquals } from "@std/assert";
import { ConnectionGuard } from "./connection_guard.ts";

let ports = 0;

/** A guard over connections and a clock that the test sets. */
function guarded(limits: { readonly idleMs: number; readonly most: number }) {
  const port = ++ports;
  const state = { now: 0, open: [] as string[], ended: [] as string[] };
  const connections = {
    list: () =>
      state.open.map((remote, descriptor) => ({ remote, port: remote.charCodeAt(0), descriptor })),
    end: ({ remote }: { readonly remote: string }) => void state.ended.push(remote),
    [Symbol.dispose]: () => {},
  };
  const guard = new ConnectionGuard(
    limits,
    () => port,
    () => Promise.resolve(connections),
    () => state.now,
  );
  const at = async (now: number) => {
    state.now = now;
    await guard.check();
    return state.ended.splice(0);
  };
  return { state, guard, at, [Symbol.dispose]: () => guard[Symbol.dispose]() };
}

Deno.test("a connection that sends no request is ended after its time", async () => {
  using world = guarded({ idleMs: 60_000, most: 100 });
  world.state.open = ["a", "b"];
  assertEquals(await world.at(0), []);
  world.guard.started(98);
  assertEquals(await world.at(61_000), ["a"]);
  world.state.open = ["b"];
  assertEquals(await world.at(600_000), []);
  world.guard.ended(98);
  assertEquals(await world.at(659_000), []);
  assertEquals(await world.at(661_000), ["b"]);
});

Deno.test("beyond the maximum, the connections idle for longest are ended", async () => {
  using world = guarded({ idleMs: 60_000, most: 2 });
  world.state.open = ["a"];
  await world.at(0);
  world.state.open = ["a", "b"];
  await world.at(1_000);
  world.guard.started(97);
  world.state.open = ["a", "b", "c", "d"];
  assertEquals(await world.at(2_000), ["b", "c"]);
});

Deno.test("an upgraded connection is kept until it is closed", async () => {
  using world = guarded({ idleMs: 60_000, most: 1 });
  world.state.open = ["a"];
  await world.at(0);
  world.guard.started(97);
  assertEquals(await world.at(600_000), []);
  world.state.open = [];
  await world.at(601_000);
  world.state.open = ["a"];
  assertEquals(await world.at(602_000), []);
  assertEquals(await world.at(663_000), ["a"]);
});
