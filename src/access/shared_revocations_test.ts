import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { KeysDouble } from "../../tests/doubles/keys.ts";
import { SharedStoreDouble } from "../../tests/doubles/shared_store.ts";
import { readKeyList } from "./key_list.ts";
import { SharedRevocations } from "./shared_revocations.ts";

/** No test waits for the timer. */
const NEVER = { intervalMs: 3_600_000 };

/** Two servers with keys of their own and one store. */
function servers(store: SharedStoreDouble) {
  const failures: unknown[] = [];
  const options = { ...NEVER, failed: (error: unknown) => void failures.push(error) };
  const stack = new AsyncDisposableStack();
  const add = async (given?: { required: boolean }) => {
    const keys = stack.use(await KeysDouble.create(given));
    return {
      keys,
      shared: stack.use(new SharedRevocations(store, keys.keyring, keys.folder, options)),
    };
  };
  return { add, failures, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

Deno.test("a key that one server revokes is revoked on the others, and stays so without the store", async () => {
  const store = new SharedStoreDouble();
  await using all = servers(store);
  const [one, other] = [await all.add(), await all.add()];
  const { claims } = await one.keys.issue();
  let ended = 0;
  other.keys.keyring.onRevoked(claims, () => void ended++);
  await one.shared.synchronize();
  await other.shared.synchronize();
  assertEquals(other.keys.keyring.invalidity(claims), null);

  await one.keys.revoke(claims.id);
  await one.shared.synchronize();
  await other.shared.synchronize();
  assertEquals(other.keys.keyring.invalidity(claims), "revoked");
  // Its running answers end.
  assertEquals(ended, 1);
  store.isDown = true;
  await other.keys.reopen();
  assertEquals(other.keys.keyring.invalidity(claims), "revoked");
});

Deno.test("a key that is revoked while the store is down is told when it is back", async () => {
  const store = new SharedStoreDouble();
  await using all = servers(store);
  const [one, other] = [await all.add(), await all.add()];
  const first = (await one.keys.issue()).claims;
  const second = (await other.keys.issue()).claims;
  store.isDown = true;
  await one.keys.revoke(first.id);
  await other.keys.revoke(second.id);
  for (const { shared } of [one, other]) await shared.synchronize();
  assertEquals(other.keys.keyring.invalidity(first), null);
  store.isDown = false;
  for (const { shared } of [one, other, one]) await shared.synchronize();
  for (const { keys } of [one, other]) {
    assertEquals(keys.keyring.invalidity(first), "revoked");
    assertEquals(keys.keyring.invalidity(second), "revoked");
  }
});

Deno.test("a server without keys gets no list of keys", async () => {
  const store = new SharedStoreDouble();
  store.texts.set("revoked", '{"k":1}');
  await using all = servers(store);
  const { keys, shared } = await all.add({ required: false });
  await shared.synchronize();
  assertEquals(await readKeyList(keys.folder), null);
  assertEquals(keys.keyring.isRequired, false);
});

Deno.test("a text of another program revokes nothing and is written anew", async () => {
  const store = new SharedStoreDouble();
  store.texts.set("revoked", "[");
  await using all = servers(store);
  const { keys, shared } = await all.add();
  const { claims } = await keys.issue();
  await keys.revoke(claims.id);
  await shared.synchronize();
  assertEquals(Object.keys(JSON.parse(store.texts.get("revoked")!)), [claims.id]);
});

Deno.test("a revocation holds where the folder cannot be written, which is told once", async () => {
  const store = new SharedStoreDouble();
  await using all = servers(store);
  const { keys, shared } = await all.add();
  const { claims } = await keys.issue();
  let ended = 0;
  keys.keyring.onRevoked(claims, () => void ended++);
  // A folder in place of the lock: the list cannot be changed.
  const lock = join(keys.folder, "keys.json.lock");
  await Deno.remove(lock);
  await Deno.mkdir(lock);
  store.texts.set("revoked", JSON.stringify({ [claims.id]: 1_700_000_000 }));
  for (let time = 0; time < 3; time++) await shared.synchronize();
  assertEquals([keys.keyring.invalidity(claims), ended], ["revoked", 1]);
  await keys.keyring.reload();
  assertEquals(keys.keyring.invalidity(claims), "revoked");
  assertEquals(all.failures.length, 1);
  await Deno.remove(lock);
  await shared.synchronize();
  assertEquals((await readKeyList(keys.folder))?.revoked, { [claims.id]: 1_700_000_000 });
});

Deno.test("a revocation with a time that no file accepts is none", async () => {
  const store = new SharedStoreDouble();
  await using all = servers(store);
  const { keys, shared } = await all.add();
  store.texts.set("revoked", '{"a":1e999,"b":-1,"c":1.5,"d":"1","e":1}');
  await shared.synchronize();
  assertEquals((await readKeyList(keys.folder))?.revoked, { e: 1 });
});
