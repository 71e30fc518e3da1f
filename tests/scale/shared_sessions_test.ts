/** Servers that share named sessions and saved slots, in a folder and in a bucket of a real server of S3. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { Machine, type Server } from "../cli/machine.ts";
import { testWith } from "../packaging/tools.ts";
import {
  ask,
  authorization,
  type Message,
  next,
  statusOf,
  type Turn,
} from "../support/shared_states.ts";
import { until } from "../support/until.ts";
import { s3, S3Server } from "./s3_server.ts";
import { replicas } from "./shared_servers.ts";

const timeout = () => AbortSignal.timeout(10_000);

/** Prompts of fewer tokens than a shared prefix: what is cached on another replica comes from a session. */
const question = (about: string): Message[] => [
  { role: "user", content: `Tell a story about ${about}.` },
];

/** Tokens that the prompts of all conversations begin with, at most. */
const COMMON = 12;

const LOST = "the shared cache cannot be used now";

/** An answer with a session. Resolves when the replica has written the session, or has given it up. */
async function tell(
  server: Server,
  messages: Message[],
  more: { readonly key?: string; readonly session?: string } = {},
): Promise<Turn> {
  const settled = async () => {
    const { writes, dropped } = await statusOf(server, more.key);
    return writes + dropped;
  };
  const before = await settled();
  const turn = await ask(server, messages, { session: "talk", ...more });
  assertEquals(turn.status, 200);
  await until(async () => await settled() > before);
  return turn;
}

/** A folder that replicas share. It is removed at the end, also under its other name. */
async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    await Deno.remove(`${folder}.gone`, { recursive: true }).catch(() => {});
  }
}

/** One replica begins a session, another one goes on, and the first one takes over again. */
async function takeTurns(env: Record<string, string>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const start = replicas(stack, env);
  const [one, other] = [await start(), await start()];
  const first = await tell(one, question("a fox and a bear"));
  assert(first.cached <= COMMON);
  const second = await tell(other, next(first));
  assert(second.cached >= first.prompt, `${second.cached} of ${first.prompt} tokens`);
  assertEquals(second.notices, []);
  const third = await tell(one, next(second));
  assert(third.cached >= second.prompt, `${third.cached} of ${second.prompt} tokens`);
  // The texts are those of a server without any cache.
  const alone = await replicas(stack, {})();
  for (const { messages, text } of [second, third]) {
    assertEquals(text, (await ask(alone, messages.slice(0, -1))).text);
  }
  // Another session with the same beginning has nothing of it.
  assertEquals((await tell(other, question("a cat"), { session: "tall" })).notices, []);
  const { hits, failures, notices } = await statusOf(other);
  assertEquals([hits > 0, failures, notices], [true, 0, []]);
}

testWith("a replica goes on with the session of another through a bucket", s3, async () => {
  await using store = new S3Server();
  await store.start();
  await takeTurns(store.env);
});

Deno.test("a replica goes on with the session of another through a folder", async () => {
  await inFolder((folder) =>
    takeTurns({ SHIMMY_SHARED_CACHE: folder, SHIMMY_SHARED_CACHE_KEY: "a-secret" })
  );
});

Deno.test("two keys have two sessions of the same name", async () => {
  await inFolder(async (folder) => {
    await using stack = new AsyncDisposableStack();
    const first = stack.use(await Machine.start());
    const keys = join(first.home, "keys");
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await first.run(["keys", ...args, "--keys-dir", keys]);
      assertEquals(code, 0, stderr);
      return stdout.trim();
    };
    await run("init");
    const make = (name: string) => run("create", "--name", name, "--scopes", "chat,models:read");
    const [a, b] = [await make("a"), await make("b")];
    const start = replicas(stack, { SHIMMY_SHARED_CACHE: folder }, a);
    const [one, other] = [
      await start({}, ["--keys-dir", keys]),
      await start({}, ["--keys-dir", keys]),
    ];
    const begun = await tell(one, question("a fox and a bear"), { key: a });
    // The other key gets nothing of it, and does not overwrite it.
    const foreign = await tell(other, next(begun), { key: b });
    assertEquals([foreign.cached <= COMMON, foreign.notices], [true, []]);
    const deleted = await fetch(other.url("/api/sessions/talk"), {
      method: "DELETE",
      headers: authorization(b),
    });
    assertEquals((await deleted.json()).deleted, true);
    const last = await start({}, ["--keys-dir", keys]);
    const own = await tell(last, next(begun), { key: a });
    assert(own.cached >= begun.prompt, `${own.cached} of ${begun.prompt} tokens`);
  });
});

testWith("a damaged session of a bucket is told and computed again", s3, async () => {
  await using store = new S3Server();
  await store.start();
  await using stack = new AsyncDisposableStack();
  const start = replicas(stack, store.env);
  const [one, other] = [await start(), await start()];
  const first = await tell(one, question("cats"));
  const bucket = store.bucket();
  const { objects } = await bucket.list("sessions/", timeout());
  assertEquals(objects.length, 1);
  const [{ key, size }] = objects as [typeof objects[number]];
  const bytes = (await bucket.get(key, size, timeout()))!;
  bytes[bytes.length >> 1]! ^= 1;
  await bucket.put(key, bytes, timeout());
  await bucket.put(key.replace(/[^/]+$/, "readme.txt"), new Uint8Array(9), timeout());
  const second = await tell(other, next(first));
  assert(second.cached <= COMMON);
  assertEquals(second.notices, [
    "session: what another server has saved is not used, because its shared state is damaged",
  ]);
  // It was replaced.
  const third = await tell(one, next(second));
  assertEquals([third.cached >= second.prompt, third.notices], [true, []]);
});

testWith("no answer with a session fails when the bucket is lost and comes back", s3, async () => {
  await using store = new S3Server();
  await store.start();
  await using stack = new AsyncDisposableStack();
  const start = replicas(stack, store.env);
  const [one, other] = [await start(), await start()];
  let told = await tell(one, question("the sea"));
  await store.kill();
  const alone = await tell(one, next(told));
  // It has its own state.
  assert(alone.cached >= told.prompt);
  assertStringIncludes(alone.notices.join(), `is not used, because ${LOST}`);
  const remove = await fetch(one.url("/api/sessions/talk"), { method: "DELETE" });
  assertEquals(remove.status, 503);
  assertStringIncludes((await remove.json()).error, "the shared cache cannot be used");
  await store.start();
  // The next save that reaches the bucket has what was saved meanwhile.
  await until(async () => {
    told = await tell(one, alone.messages.slice(0, -1));
    return told.notices.length === 0;
  });
  const second = await tell(other, next(told));
  assert(second.cached >= told.prompt, `${second.cached} of ${told.prompt} tokens`);
  assertEquals(second.notices, []);
});

Deno.test("a session that one replica deletes is gone on the other", async () => {
  await inFolder(async (folder) => {
    await using stack = new AsyncDisposableStack();
    const start = replicas(stack, { SHIMMY_SHARED_CACHE: folder });
    const [one, other] = [await start(), await start()];
    const first = await tell(one, question("a river"));
    const second = await tell(other, next(first));
    const remove = async (server: Server) => {
      const response = await fetch(server.url("/api/sessions/talk"), { method: "DELETE" });
      return [response.status, (await response.json()).deleted];
    };
    assertEquals(await remove(one), [200, true]);
    assertEquals((await remove(one))[0], 404);
    // Another replica has it neither from there, nor from the first one.
    const last = await start();
    const third = await tell(last, next(second), { session: "talk" });
    assertEquals([third.cached <= COMMON, third.notices], [true, []]);
    // The other one has forgotten its own, which is older. Its file is gone with the next use.
    assertEquals((await remove(last))[0], 200);
    assertEquals((await tell(other, question("a lake"))).notices, []);
  });
});

testWith("a replica restores the slot that another has saved", s3, async () => {
  await using store = new S3Server();
  await store.start();
  await using stack = new AsyncDisposableStack();
  const start = replicas(stack, store.env);
  const [one, other] = [await start({}, ["--parallel", "1"]), await start({}, ["--parallel", "1"])];
  const slot = async (server: Server, action: string) => {
    const response = await fetch(server.url(`/slots/0?action=${action}`), {
      method: "POST",
      body: JSON.stringify({ filename: "fox.bin" }),
    });
    return { status: response.status, answer: await response.json() };
  };
  assertEquals((await slot(other, "restore")).status, 404);
  const first = await ask(one, question("a fox"));
  const saved = await slot(one, "save");
  assertEquals([saved.status, saved.answer.notices], [200, undefined]);
  const restored = await slot(other, "restore");
  assertEquals(restored.answer.n_restored, saved.answer.n_saved);
  const again = await ask(other, question("a fox"));
  assertEquals([again.cached, again.text], [first.prompt - 1, first.text]);
});
