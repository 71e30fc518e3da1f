/** Servers that share the states of conversations in a folder, and in a bucket of a real server of S3. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { testWith } from "../packaging/tools.ts";
import { ask, begin, continues, next, question, statusOf } from "../support/shared_states.ts";
import { until } from "../support/until.ts";
import { s3, S3Server } from "./s3_server.ts";
import { replicas } from "./shared_servers.ts";

const timeout = () => AbortSignal.timeout(60_000);

testWith("a replica continues the conversation of another through a bucket", s3, async () => {
  await using store = new S3Server();
  await store.start();
  await using stack = new AsyncDisposableStack();
  const start = replicas(stack, store.env);
  const [one, other] = [await start(), await start()];
  const second = await continues(one, other, "a fox and a bear");
  // The text is that of a server without any cache.
  const alone = await replicas(stack, {})();
  const again = await ask(alone, second.messages.slice(0, -1));
  assertEquals(second.text, again.text);
  const { hits, read_bytes, reachable, failures } = await statusOf(other);
  assertEquals([hits > 0, read_bytes > 0, reachable, failures], [true, true, true, 0]);
  // Back to the first one, which has the beginning in memory.
  const third = await ask(one, next(second));
  assert(third.cached >= 64);
  const metrics = await (await fetch(other.url("/metrics"))).text();
  assert(/shimmy_shared_cache_lookups_total\{model="[^"]+",result="hit"\} [1-9]/.test(metrics));
  assert(/shimmy_shared_cache_reachable\{model="[^"]+"\} 1/.test(metrics));
});

testWith("damaged and foreign objects of a bucket are ignored", s3, async () => {
  await using store = new S3Server();
  await store.start();
  await using stack = new AsyncDisposableStack();
  const start = replicas(stack, store.env);
  const [one, other] = [await start(), await start()];
  const secret = await start({ SHIMMY_SHARED_CACHE_KEY: "k" });
  const bucket = store.bucket();
  /** Damages all states, and adds objects that are none. */
  const damage = async () => {
    for (const { key, size } of (await bucket.list("", timeout())).objects) {
      const bytes = (await bucket.get(key, size, timeout()))!;
      bytes[bytes.length >> 1]! ^= 1;
      await bucket.put(key, bytes, timeout());
      await bucket.put(key.replace(/[^/]+$/, "readme.txt"), new Uint8Array(9), timeout());
      await bucket.put(key.replace(/[^/]+$/, "64.state"), new Uint8Array(9), timeout());
    }
  };
  for (const [reader, isDamaged] of [[other, true], [secret, false]] as const) {
    let count = 0;
    await until(async () => {
      const first = await begin(one, `cats, part ${++count}, ${isDamaged}`);
      if (isDamaged) await damage();
      const second = await ask(reader, next(first));
      assertEquals([second.status, second.cached < 64], [200, true]);
      return (await statusOf(reader)).failures > 0;
    });
  }
});

testWith("no answer fails when the bucket is lost and comes back", s3, async () => {
  await using store = new S3Server();
  await store.start();
  await using stack = new AsyncDisposableStack();
  const start = replicas(stack, store.env);
  const [one, other] = [await start(), await start()];
  let asked = 0;
  let isEnding = false;
  const traffic = [one, other, one, other].map(async (server) => {
    for (let turn; !isEnding;) {
      turn = await ask(server, turn === undefined ? [question(`number ${asked++}`)] : next(turn));
      assertEquals(turn.status, 200);
      if (turn.messages.length > 4) turn = undefined;
    }
  });
  const all = Promise.all(traffic);
  const meanwhile = async (condition: () => Promise<boolean>) =>
    await Promise.race([until(condition), all.then(() => {})]);
  await meanwhile(async () => (await statusOf(one)).writes > 1);
  await store.kill();
  await meanwhile(async () => !(await statusOf(one)).reachable);
  const before = asked;
  await meanwhile(() => Promise.resolve(asked > before + 3));
  await store.start();
  await meanwhile(async () => (await statusOf(one)).reachable);
  isEnding = true;
  await all;
  await continues(one, other, "the return");
  one.kill("SIGTERM");
  const { code, stderr } = await one.ended();
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "Shared cache: this server goes on without it, because ");
  assertStringIncludes(stderr, "Shared cache: it can be used again");
  assertEquals(stderr.includes("a-secret"), false);
});

testWith(
  "a server starts and answers without its bucket, and with wrong credentials",
  s3,
  async () => {
    await using store = new S3Server();
    await using stack = new AsyncDisposableStack();
    const start = replicas(stack, store.env);
    const one = await start();
    assertEquals((await ask(one, [question("nothing")])).status, 200);
    await until(async () => !(await statusOf(one)).reachable);
    await store.start();
    const other = await start({ AWS_SECRET_ACCESS_KEY: "wrong" });
    assertEquals((await ask(other, [question("nothing")])).status, 200);
    await until(async () => (await statusOf(other)).failures > 0);
    assertStringIncludes((await statusOf(other)).notices.join(), "status 403");
  },
);

Deno.test("a replica continues the conversation of another through a folder", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using stack = new AsyncDisposableStack();
    const start = replicas(stack, { SHIMMY_SHARED_CACHE: folder });
    const [one, other] = [await start(), await start()];
    const second = await continues(one, other, "a shared folder");
    // The folder goes away, as a network file system does.
    await Deno.rename(folder, `${folder}.gone`);
    const third = await ask(one, [question("its end")]);
    assertEquals(third.status, 200);
    await until(async () => !(await statusOf(one)).reachable);
    assertEquals((await ask(other, next(second))).status, 200);
    await Deno.rename(`${folder}.gone`, folder);
    await until(async () => {
      await ask(one, [question(`what comes ${Math.random()}`)]);
      return (await statusOf(one)).reachable;
    });
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.remove(join(`${folder}.gone`), { recursive: true }).catch(() => {});
  }
});
