import { assertEquals } from "@std/assert";
import { SharedStoreDouble } from "../../../tests/doubles/shared_store.ts";
import { KeyCounters, readKeyUse } from "./counters.ts";

const RATE = { amount: 10, seconds: 60 };
/** The start of a minute, in milliseconds. */
const now = () => 1_700_000_040_000;

/** A server with a folder of its own. */
async function server(shared: SharedStoreDouble) {
  const folder = await Deno.makeTempDir();
  // No test waits for the timer: disposal saves what has changed.
  const open = async () => {
    const counters = new KeyCounters(folder, { now, delayMs: 3_600_000, shared });
    await counters.read();
    return counters;
  };
  let counters = await open();
  return {
    folder,
    /** Counts requests, and saves them. */
    async use(requests: number): Promise<void> {
      counters.add("k", { requests, tokens: 5 * requests, quotas: { rate: RATE } });
      await counters[Symbol.asyncDispose]();
    },
    remaining: () => counters.state("k", "rate", RATE).remaining,
    async restart(): Promise<void> {
      await counters[Symbol.asyncDispose]();
      counters = await open();
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await counters[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test("servers with a shared store count together, and each keeps its own use in its folder", async () => {
  const store = new SharedStoreDouble();
  await using one = await server(store);
  await using other = await server(store);
  await one.use(3);
  await other.use(2);
  assertEquals(other.remaining(), 5);
  await one.use(1);
  assertEquals(one.remaining(), 4);
  assertEquals((await readKeyUse(one.folder)).k?.requests, 4);
  assertEquals((await readKeyUse(other.folder)).k?.requests, 2);
  await other.restart();
  assertEquals(other.remaining(), 4);
});

Deno.test("what is used without the store is added when it is back", async () => {
  const store = new SharedStoreDouble();
  await using one = await server(store);
  await using other = await server(store);
  await one.use(1);
  await other.use(1);
  store.isDown = true;
  await one.use(2);
  await one.use(3);
  // It goes on from what it has seen: its first request, which was alone then, and these.
  assertEquals(one.remaining(), 4);
  store.isDown = false;
  await one.use(1);
  assertEquals(one.remaining(), 2);
  await other.use(1);
  assertEquals(other.remaining(), 1);
});

Deno.test("a start without the store begins with the server's own use", async () => {
  const store = new SharedStoreDouble();
  await using one = await server(store);
  await one.use(4);
  store.isDown = true;
  await one.restart();
  assertEquals(one.remaining(), 6);
});

Deno.test("a server that another one overtakes adds to what that one wrote", async () => {
  const store = new SharedStoreDouble();
  await using one = await server(store);
  await one.use(1);
  let isOvertaken = false;
  store.beforeReplace = () => {
    if (isOvertaken) return;
    isOvertaken = true;
    const text = JSON.parse(store.texts.get("use")!);
    text.uses.k.rate.used += 5;
    store.texts.set("use", JSON.stringify(text));
  };
  await one.use(1);
  assertEquals(one.remaining(), 3);
});

Deno.test("use that the store has added without confirming it is not added again", async () => {
  const store = new SharedStoreDouble();
  await using one = await server(store);
  await using other = await server(store);
  await one.use(1);
  // The answers come too late, but the store writes.
  store.isSlow = true;
  await one.use(2);
  store.isSlow = false;
  await other.use(3);
  await one.use(1);
  assertEquals(one.remaining(), 3);
  assertEquals(JSON.parse(store.texts.get("use")!).uses.k.requests, 7);
});

Deno.test("use that comes to the store after the next question is not added again", async () => {
  const store = new SharedStoreDouble();
  await using one = await server(store);
  await one.use(1);
  const late: (() => void)[] = store.late = [];
  // Each attempt is on its way when the server asks again.
  await one.use(2);
  store.late = null;
  store.beforeReplace = () => void late.shift()?.();
  await one.use(1);
  store.beforeReplace = () => {};
  await one.use(1);
  assertEquals(JSON.parse(store.texts.get("use")!).uses.k.requests, 5);
  assertEquals(one.remaining(), 5);
});

Deno.test("use that the store has not added is added with the next one", async () => {
  const store = new SharedStoreDouble();
  await using one = await server(store);
  // The store is lost between the question and the write.
  store.beforeReplace = () => void (store.isDown = true);
  await one.use(2);
  store.beforeReplace = () => {};
  store.isDown = false;
  await one.use(1);
  assertEquals(one.remaining(), 7);
});

Deno.test("a text of another program counts as empty", async () => {
  const store = new SharedStoreDouble();
  store.texts.set("use", "[1]");
  await using one = await server(store);
  await one.use(2);
  assertEquals(one.remaining(), 8);
});
