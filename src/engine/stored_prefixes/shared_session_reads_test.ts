import { assertEquals } from "@std/assert";
import { cacheWith, tokens } from "../../../tests/doubles/kv_cache.ts";
import type { SessionStore } from "../disk_cache/mod.ts";
import type { NewerSession } from "../shared_states/mod.ts";
import { HeldStates } from "./held_states.ts";
import type { OpenedSession } from "./session_cache.ts";
import {
  type NamedSequence,
  type SessionReader,
  SharedSessionReads,
} from "./shared_session_reads.ts";

const NOTHING: OpenedSession = { tokens: null, inserted: null, notices: [], version: 0 };
const OWN: OpenedSession = { ...NOTHING, tokens: tokens(20), version: 7 };

const sequence = (first = 0): NamedSequence => ({
  ...{ tokens: tokens(60, first), scope: "", isRestoring: false, inserted: null },
  ...{ adapters: { key: "" }, notices: [], session: { ...NOTHING, isPending: true } },
});

const newer = (more: Partial<NewerSession> = {}, first = 0): NewerSession => ({
  state: {
    ...{ tokens: tokens(40, first), state: new Uint8Array(5_000), checkpoints: [], scope: "" },
  },
  ...{ newest: 9, isDeleted: false, reason: null, ...more },
});

/** A reader whose lookups the test answers. */
function open({ budget = 12_000, unreadable = null as string | null, waitMs = 60_000 } = {}) {
  const { cache } = cacheWith({ savedBytes: 100_000 });
  const asked: { resolve(found: NewerSession): void; name: string; ends: AbortSignal }[] = [];
  const events: string[] = [];
  const shared: SessionReader = {
    ...{ identity: "i", unreadable },
    findNewer: ({ name }, _store, ends) => {
      const { promise, resolve } = Promise.withResolvers<NewerSession>();
      asked.push({ resolve, name, ends });
      return promise;
    },
    refuse: () => void events.push("refused"),
  };
  const held = new HeldStates(budget);
  const changed: (() => void)[] = [];
  const reads = new SharedSessionReads<NamedSequence>(shared, cache, {
    ...{ held, waitMs, store: () => ({}) as SessionStore },
    openOwn: (name) => {
      events.push(`own ${name}`);
      return OWN;
    },
    onOpened: () => void events.push("opened"),
    onReady: () => {
      events.push("ready");
      for (const one of changed.splice(0)) one();
    },
  });
  const ready = () => new Promise<void>((resolve) => changed.push(resolve));
  return { reads, held, cache, shared, asked, events, ready };
}

const notice = (reason: string) => ({
  message: `session: what another server has saved is not used, because ${reason}`,
});

Deno.test("a sequence waits for the session of another server, and finds its state", async () => {
  const { reads, held, cache, asked, events, ready } = open();
  const one = sequence();
  reads.begin(one, "talk");
  assertEquals([one.isRestoring, asked[0]!.name, events], [true, "talk", []]);
  asked[0]!.resolve(newer());
  await ready();
  assertEquals([one.isRestoring, events], [false, ["opened", "ready"]]);
  assertEquals(cache.cachedLength(one.tokens, ""), 40);
  assertEquals([one.session.tokens?.length, one.session.version, one.notices], [40, 9, []]);
  assertEquals(one.inserted === one.session.inserted, true);
  one.inserted!.isRefused = true;
  reads.checkUse(one);
  assertEquals(events.at(-1), "refused");
  held.release(one);
});

Deno.test("without a newer session, a sequence uses the one of its server", async () => {
  const { reads, held, asked, events, ready } = open();
  const one = sequence();
  reads.begin(one, "talk");
  asked[0]!.resolve(newer({ state: null, newest: 5, reason: "its shared state is damaged" }));
  await ready();
  assertEquals(events, ["own talk", "opened", "ready"]);
  assertEquals([one.session.tokens, one.session.version], [OWN.tokens, 7]);
  assertEquals(one.notices, [notice("its shared state is damaged")]);
  assertEquals(held.has(one), false);
});

Deno.test("a damaged session beside one that is used is told", async () => {
  const { reads, asked, ready } = open();
  const one = sequence();
  reads.begin(one, "talk");
  asked[0]!.resolve(newer({ reason: "its shared state is damaged" }));
  await ready();
  assertEquals(one.session.tokens?.length, 40);
  assertEquals(one.notices, [notice("its shared state is damaged")]);
});

Deno.test("a session that was deleted on all servers is not used", async () => {
  const { reads, asked, events, ready } = open();
  const one = sequence();
  reads.begin(one, "talk");
  asked[0]!.resolve(newer({ state: null, isDeleted: true }));
  await ready();
  assertEquals(events, ["opened", "ready"]);
  assertEquals([one.session.tokens, one.session.version, one.notices], [null, 9, []]);
});

Deno.test("no sequence waits for a place that cannot be used", () => {
  const { reads, asked, events } = open({ unreadable: "the shared cache cannot be used now" });
  const one = sequence();
  reads.begin(one, "talk");
  assertEquals([one.isRestoring, asked.length, events], [false, 0, ["own talk", "opened"]]);
  assertEquals(one.notices, [notice("the shared cache cannot be used now")]);
});

Deno.test("a sequence does not wait longer than it may", async () => {
  const { reads, asked, events, ready } = open({ waitMs: 5 });
  const one = sequence();
  reads.begin(one, "talk");
  await ready();
  assertEquals([one.isRestoring, events], [false, ["own talk", "opened", "ready"]]);
  assertEquals(asked[0]!.ends.aborted, true);
  assertEquals(one.notices, [notice("the shared cache does not answer in time")]);
});

Deno.test("sessions that are not in a stream yet are bounded", async () => {
  const { reads, held, asked, ready } = open();
  const [first, second] = [sequence(0), sequence(1_000)];
  reads.begin(first, "a");
  reads.begin(second, "b");
  assertEquals(asked.length, 1);
  assertEquals(second.notices, [notice("too many states are being read")]);
  asked[0]!.resolve(newer());
  await ready();
  const third = sequence(2_000);
  reads.begin(third, "c");
  assertEquals(asked.length, 2);
  for (const one of [first, third]) held.release(one);
});

Deno.test("the lookup of a sequence that has ended ends too", async () => {
  const { reads, held, asked, events } = open();
  const one = sequence();
  reads.begin(one, "talk");
  held.release(one);
  assertEquals([one.isRestoring, asked[0]!.ends.aborted], [false, true]);
  asked[0]!.resolve(newer());
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([one.inserted, events], [null, []]);
});

Deno.test("a session of a context that was replaced is asked for again", async () => {
  const { reads, held, shared, asked, events, ready } = open();
  const one = sequence();
  reads.begin(one, "talk");
  Object.assign(shared, { identity: "j" });
  asked[0]!.resolve(newer());
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([asked.length, one.isRestoring, events], [2, true, []]);
  asked[1]!.resolve(newer());
  await ready();
  assertEquals([one.session.tokens?.length, events], [40, ["opened", "ready"]]);
  held.release(one);
});
