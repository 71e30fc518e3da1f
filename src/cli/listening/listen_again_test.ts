import { assertEquals } from "@std/assert";
import { listenAgain } from "./listen_again.ts";

const inUse = () => new Deno.errors.AddrInUse("Address already in use");

/** Listens at the third attempt; what was told of the first two. */
async function listenAtThird(reportMs: number) {
  const told: unknown[] = [];
  let attempts = 0;
  const listener = await listenAgain(() => {
    if (++attempts < 3) throw inUse();
    return "listener";
  }, {
    stopped: new AbortController().signal,
    waits: (error) => void told.push((error as Error).message),
    reportMs,
  });
  return { listener, attempts, told };
}

Deno.test("a port that another program has taken is tried until it is free", async () => {
  assertEquals(await listenAtThird(0), {
    listener: "listener",
    attempts: 3,
    told: ["Address already in use"],
  });
});

Deno.test("a port that is free soon is not reported", async () => {
  const { listener, told } = await listenAtThird(60_000);
  assertEquals([listener, told], ["listener", []]);
});

Deno.test("a server that ends waits for its port no longer", async () => {
  const stopped = new AbortController();
  const listener = await listenAgain(() => {
    throw inUse();
  }, { stopped: stopped.signal, waits: () => stopped.abort(), reportMs: 0 });
  assertEquals(listener, null);
});
