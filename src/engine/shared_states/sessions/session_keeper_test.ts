import { assert, assertEquals, assertRejects } from "@std/assert";
import { tokens } from "../../../../tests/doubles/kv_cache.ts";
import { StoreDouble } from "../../../../tests/doubles/object_store.ts";
import type { FindSessionRequest, SaveSessionRequest } from "../messages.ts";
import type { ObjectStore } from "../stores/object_store.ts";
import { SessionKeeper } from "./session_keeper.ts";

const signal = new AbortController().signal;

function keeperOf(store: ObjectStore, secret = "", model = "m"): SessionKeeper {
  return new SessionKeeper({ store, secret, model: Promise.resolve(model) });
}

/** A session with as many tokens as its version says. */
function session(savedAt: number, more: Partial<SaveSessionRequest> = {}): SaveSessionRequest {
  const stored = {
    ...{ tokens: tokens(savedAt), state: new Uint8Array(9).fill(savedAt), savedAt },
    checkpoints: [{ position: 1, state: new Uint8Array([1, 2]) }],
  };
  return { identity: "i", scope: "", name: "talk", stored, ...more };
}

const query = (more: Partial<FindSessionRequest> = {}): FindSessionRequest => ({
  ...{ identity: "i", scope: "", name: "talk", own: 0, mostBytes: 1e9, ...more },
});

/** The version that a server finds, and what it is told beside it. */
async function found(keeper: SessionKeeper, more: Partial<FindSessionRequest> = {}) {
  const { stored, newest, deletedAt, unusable } = await keeper.find(query(more), signal);
  return [stored?.savedAt ?? 0, newest, deletedAt, unusable];
}

Deno.test("another server finds a session, and a newer one replaces it", async () => {
  const store = new StoreDouble();
  const [one, other] = [keeperOf(store), keeperOf(store)];
  const { key, bytes } = await one.save(session(10));
  assertEquals(store.objects.get(key)?.length, bytes);
  const result = await other.find(query(), signal);
  assertEquals(result.stored, session(10).stored);
  assertEquals([result.bytes, result.newest, result.unusable], [bytes, 10, null]);
  await other.save(session(11));
  assertEquals(store.objects.size, 1);
  assertEquals(await found(one, { own: 10 }), [11, 11, 0, null]);
  // What a server has already is not read again.
  store.take();
  assertEquals(await found(one, { own: 11 }), [0, 11, 0, null]);
  assertEquals(store.take(), ["list"]);
});

Deno.test("of two sessions that were saved at once, the newest counts", async () => {
  const store = new StoreDouble();
  await keeperOf(store).save(session(12));
  await keeperOf(store).save(session(11));
  assertEquals(await found(keeperOf(store)), [12, 12, 0, null]);
  await keeperOf(store).save(session(13));
  assertEquals(store.objects.size, 1);
});

Deno.test("sessions of another name, model, context, scope or secret are not used", async () => {
  const store = new StoreDouble();
  await keeperOf(store, "secret").save(session(10));
  const own = keeperOf(store, "secret");
  assertEquals(await found(own), [10, 10, 0, null]);
  assertEquals(await found(own, { name: "tal" }), [0, 0, 0, null]);
  assertEquals(await found(own, { identity: "j" }), [0, 10, 0, "incompatible"]);
  assertEquals(await found(own, { scope: "lora" }), [0, 10, 0, "incompatible"]);
  assertEquals(await found(keeperOf(store, "secret", "n")), [0, 10, 0, "incompatible"]);
  // A server that has one of its own is not told of the others.
  assertEquals(await found(own, { scope: "lora", own: 3 }), [0, 10, 0, null]);
  assertEquals(await found(keeperOf(store, "other")), [0, 0, 0, null]);
});

Deno.test("a damaged session is told, and an older one that is left is used", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store, "secret");
  // Without the right to delete, older ones stay.
  const remove = store.delete;
  store.delete = () => Promise.reject(new Error("forbidden"));
  await keeper.save(session(10));
  const { key } = await keeper.save(session(20));
  store.delete = remove;
  assertEquals(store.objects.size, 2);
  const whole = store.objects.get(key)!;
  for (const at of [0, 40, whole.length >> 1, whole.length - 1]) {
    store.objects.set(key, whole.map((byte, index) => index === at ? byte ^ 4 : byte));
    assertEquals(await found(keeper), [10, 20, 0, "damaged"], `byte ${at}`);
    assertEquals(await found(keeper, { own: 10 }), [0, 20, 0, "damaged"]);
  }
  store.objects.set(key, new Uint8Array(3));
  assertEquals(await found(keeper, { own: 10 }), [0, 20, 0, "damaged"]);
  // The next one is newer than both.
  await keeper.save(session(21));
  assertEquals(store.objects.size, 1);
});

Deno.test("an old session under the key of a newer one is not used", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store, "secret");
  const { key } = await keeper.save(session(10));
  store.objects.set(key.replace("/10-", "/30-"), store.objects.get(key)!);
  assertEquals(await found(keeper), [10, 30, 0, "damaged"]);
  // Nor is the session of another name.
  const other = await keeper.save(session(40, { name: "tal" }));
  store.objects.set(key.replace("/10-", "/40-"), store.objects.get(other.key)!);
  assertEquals(await found(keeper, { own: 10 }), [0, 40, 0, "damaged"]);
});

Deno.test("a session that is too large is not read", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  await keeper.save(session(10));
  store.take();
  assertEquals(await found(keeper, { mostBytes: 20 }), [0, 10, 0, "large"]);
  await keeper.find(query(), AbortSignal.abort());
  assertEquals(store.take(), ["list", "list"]);
});

Deno.test("a deleted session is gone on every server, and a newer one is not", async () => {
  const store = new StoreDouble();
  const [one, other] = [keeperOf(store, "secret"), keeperOf(store, "secret")];
  await one.save(session(10));
  await one.save(session(10, { identity: "j" }));
  assertEquals(await one.delete("talk"), { deleted: 2 });
  assertEquals(store.objects.size, 1);
  const [, newest, deletedAt] = await found(other, { own: 10 });
  assert(deletedAt === newest && (deletedAt as number) > 10);
  // A server that has none needs no mark.
  store.take();
  assertEquals((await found(other))[2], 0);
  assertEquals(store.take(), ["list"]);
  const later = session(10);
  const savedAt = (newest as number) + 1;
  await other.save({ ...later, stored: { ...later.stored, savedAt } });
  assertEquals((await found(one))[0], savedAt);
  // What was saved before, and comes late, stays deleted.
  await other.save(session(15));
  assertEquals((await found(one, { own: savedAt }))[0], 0);
});

Deno.test("a mark that another program has made deletes nothing", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store, "secret");
  await keeper.save(session(10));
  const [key] = [...store.objects.keys()] as [string];
  const folder = key.slice(0, key.lastIndexOf("/") + 1);
  await keeper.delete("other");
  const mark = [...store.objects].find(([one]) => one.endsWith(".deleted"))![1];
  store.objects.set(`${folder}50.deleted`, new Uint8Array(40));
  store.objects.set(`${folder}51.deleted`, mark);
  store.objects.set(`${folder}52.deleted`, new Uint8Array(100_000));
  assertEquals(await found(keeper), [10, 52, 0, null]);
  assertEquals(await found(keeper, { own: 10 }), [0, 52, 0, null]);
});

Deno.test("a deletion without the right to delete, and a store that is down, are errors", async () => {
  const store = new StoreDouble();
  const keeper = keeperOf(store);
  await keeper.save(session(10));
  const remove = store.delete;
  store.delete = () => Promise.reject(new Error("forbidden"));
  await assertRejects(() => keeper.delete("talk"), Error, "forbidden");
  // It is gone nevertheless.
  store.delete = remove;
  assertEquals((await found(keeper))[0], 0);
  store.isDown = true;
  await assertRejects(() => keeper.find(query(), signal), Error, "down");
  await assertRejects(() => keeper.save(session(20)), Error, "down");
  await assertRejects(() => keeper.delete("talk"), Error, "down");
});
