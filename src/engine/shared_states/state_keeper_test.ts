import { assert, assertEquals, assertRejects } from "@std/assert";
import { tokens } from "../../../tests/doubles/kv_cache.ts";
import { StoreDouble } from "../../../tests/doubles/object_store.ts";
import type { FindRequest, PublishRequest } from "./messages.ts";
import { MOST_LISTED, type ObjectStore } from "./stores/object_store.ts";
import { StateKeeper } from "./state_keeper.ts";

const signal = new AbortController().signal;

function keeperOf(store: ObjectStore, secret = "", model = "m"): StateKeeper {
  return new StateKeeper({ store, secret, model: Promise.resolve(model) });
}

function state(count: number, replaced: string[] = [], first = 0): PublishRequest {
  const stored = {
    tokens: tokens(count, first),
    state: new Uint8Array(count).fill(count),
    checkpoints: [{ position: 70, state: new Uint8Array([1, 2]) }],
  };
  return { identity: "i", scope: "", stored, replaced };
}

function prompt(count: number, more: Partial<FindRequest> = {}): FindRequest {
  return {
    ...{ identity: "i", scope: "", tokens: tokens(count), limit: count - 1, known: 0 },
    ...{ msPerToken: 0, mostBytes: 1e9, canTruncate: true, sequenceLength: 4096, ...more },
  };
}

Deno.test("another server finds a state with its checkpoints", async () => {
  const store = new StoreDouble();
  const request = state(300);
  const { key, bytes } = await keeperOf(store).publish(request);
  assertEquals(store.objects.get(key)?.length, bytes);
  const other = keeperOf(store);
  const { found, isDamaged } = await other.find(prompt(400), signal);
  assertEquals([found?.key, isDamaged], [key, false]);
  assertEquals(found?.stored, { ...request.stored });
  // A second server does not write it again.
  store.take();
  assertEquals(await other.publish(request), { key, bytes: 0 });
  assertEquals(store.take(), ["list"]);
});

Deno.test("states of another model, context, scope or secret are not found", async () => {
  const store = new StoreDouble();
  await keeperOf(store, "secret").publish(state(300));
  const find = async (keeper: StateKeeper, more: Partial<FindRequest> = {}) =>
    (await keeper.find(prompt(400, more), signal)).found?.stored.tokens.length;
  const own = keeperOf(store, "secret");
  assertEquals(await find(own), 300);
  assertEquals(await find(own, { identity: "j" }), undefined);
  assertEquals(await find(own, { scope: "lora" }), undefined);
  assertEquals(await find(keeperOf(store, "secret", "n")), undefined);
  const foreign = keeperOf(store, "other");
  const refused = await foreign.find(prompt(400), signal);
  assertEquals([refused.found, refused.isDamaged], [null, true]);
});

Deno.test("a damaged state is read once, and another one is used", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  const { key } = await keeper.publish(state(300));
  await keeper.publish(state(200));
  store.objects.get(key)!.fill(0, 40, 50);
  assertEquals((await keeper.find(prompt(400), signal)).isDamaged, true);
  const { found, isDamaged } = await keeper.find(prompt(400), signal);
  assertEquals([found?.stored.tokens.length, isDamaged], [200, false]);
  for (const key of store.objects.keys()) store.objects.set(key, new Uint8Array(3));
  assertEquals((await keeper.find(prompt(400), signal)).found, null);
});

Deno.test("a state with another origin than its key tells is not used", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  const { key } = await keeper.publish(state(300));
  const { key: lora } = await keeper.publish({ ...state(300), scope: "lora" });
  store.objects.set(key, store.objects.get(lora)!);
  const { found, isDamaged } = await keeper.find(prompt(400), signal);
  assertEquals([found, isDamaged], [null, true]);
});

Deno.test("a state is not read if computing is faster, if it is too large, or if nothing waits", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  await keeper.publish(state(300));
  await keeper.find(prompt(400), signal);
  store.take();
  const find = (request: FindRequest, ends = signal) => keeper.find(request, ends);
  await find(prompt(400, { known: 250 }));
  await find(prompt(400, { mostBytes: 300 }));
  await find(prompt(400), AbortSignal.abort());
  // 300 tokens in less than a nanosecond.
  await find(prompt(400, { msPerToken: 1e-12 }));
  assertEquals(store.take(), ["list", "list", "list", "list"]);
  assert((await find(prompt(400, { msPerToken: 1 }))).found !== null);
});

Deno.test("the longest beginning is found among more states than a listing has", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  // The same 64 tokens, then others.
  for (let one = 0; one < MOST_LISTED + 50; one++) {
    const request = state(64);
    const stored = { ...request.stored, tokens: [...tokens(64), one + 10_000], checkpoints: [] };
    await keeper.publish({ ...request, stored });
  }
  await keeper.publish(state(300));
  const { found } = await keeper.find(prompt(400), signal);
  assertEquals(found?.stored.tokens.length, 300);
});

Deno.test("a state replaces others, also where deleting is not allowed", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  const { key } = await keeper.publish(state(200));
  await keeper.publish(state(300, [key]));
  assertEquals(store.objects.has(key), false);
  // Another server has written the longer state before.
  const again = await keeper.publish(state(200));
  assertEquals((await keeper.publish(state(300, [again.key]))).bytes, 0);
  assertEquals(store.objects.has(again.key), false);
  store.delete = () => Promise.reject(new Error("forbidden"));
  assert((await keeper.publish(state(400, ["x"]))).bytes > 0);
});

Deno.test("a store that is down is an error, for the one who asks", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  store.isDown = true;
  await assertRejects(() => keeper.find(prompt(400), signal), Error, "down");
  await assertRejects(() => keeper.publish(state(300)), Error, "down");
});
