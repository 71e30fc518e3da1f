import { assertEquals } from "@std/assert";
import { tokens } from "../../../tests/doubles/kv_cache.ts";
import type { FromKeeper, PublishRequest, ToKeeper } from "./messages.ts";
import type { KeeperThread } from "./keeper_client.ts";
import { SharedStates } from "./shared_states.ts";

const signal = new AbortController().signal;

/** A thread that keeps messages until the test answers them. */
class ThreadDouble implements KeeperThread {
  readonly messages: ToKeeper[] = [];
  isEnded = false;
  onmessage: ((event: MessageEvent<FromKeeper>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;

  postMessage(message: ToKeeper): void {
    this.messages.push(message);
  }
  terminate(): void {
    this.isEnded = true;
  }
  answer(data: FromKeeper): void {
    this.onmessage!(new MessageEvent("message", { data }));
  }
  /** The last message, and how to answer it. */
  get last(): { readonly id: number; readonly request: PublishRequest } {
    return this.messages.at(-1) as Extract<ToKeeper, { type: "publish" }>;
  }
}

function open() {
  const thread = new ThreadDouble();
  const location = { folder: "f", secret: "" };
  const shared = new SharedStates({ location, modelPaths: ["m"], thread });
  shared.use({ identity: "i", canTruncate: true, sequenceLength: 4096, mostBytes: 1e6 });
  const told: string[] = [];
  shared.onNotice = (notice) => void told.push(notice);
  assertEquals([shared.patience(1000, 1), shared.status.isReady], [0, false]);
  thread.answer({ type: "ready" });
  return { shared, thread, told };
}

const state = (count: number, first = 0) => ({
  ...{ tokens: tokens(count, first), state: new Uint8Array(9), checkpoints: [], scope: "" },
});
const prompt = (count: number) => ({
  ...{ tokens: tokens(count), scope: "", limit: count - 1, known: 0, msPerToken: 0 },
  mostBytes: 1e9,
});

/** Answers the last message as the thread does after it has written a state. */
async function written({ thread }: Pick<ReturnType<typeof open>, "thread">, key: string) {
  thread.answer({ type: "done", id: thread.last.id, result: { key, bytes: 9 } });
  await settled();
}

/** Until what follows an answer is done. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("a conversation is written when it has grown by an eighth, and replaces what it was", async () => {
  const { shared, thread } = open();
  assertEquals([shared.wants(tokens(63), ""), shared.wants(tokens(1000), "")], [false, true]);
  shared.publish(state(1000));
  assertEquals(shared.isBusy, true);
  await written({ thread }, "a");
  assertEquals(shared.isBusy, false);
  assertEquals(shared.wants(tokens(1100), ""), false);
  assertEquals(shared.wants(tokens(1150), ""), true);
  assertEquals(shared.wants(tokens(1000, 9), ""), true);
  shared.publish(state(1150));
  assertEquals(thread.last.request.replaced, ["a"]);
  await written({ thread }, "b");
  const { writes, writtenBytes, dropped } = shared.status;
  assertEquals([writes, writtenBytes, dropped], [2, 18, 0]);
});

Deno.test("states that wait to be written are bounded", async () => {
  const { shared, thread } = open();
  for (let one = 0; one < 4; one++) {
    assertEquals(shared.wants(tokens(100, one * 1000), ""), true);
    shared.publish(state(100, one * 1000));
  }
  assertEquals(shared.wants(tokens(100, 9000), ""), false);
  assertEquals(shared.status.dropped, 1);
  await written({ thread }, "a");
  assertEquals(shared.wants(tokens(100, 9000), ""), true);
});

Deno.test("a failure is told once, prompts do not wait then, and the end of it is told", async () => {
  const { shared, thread, told } = open();
  assertEquals(shared.patience(1000, 1), 1000);
  for (let one = 0; one < 2; one++) {
    const finding = shared.find(prompt(400), signal);
    thread.answer({ type: "failed", id: thread.last.id, reason: "it cannot be reached" });
    assertEquals(await finding, null);
  }
  const notice = "Shared cache: this server goes on without it, because it cannot be reached";
  assertEquals(told, [notice]);
  assertEquals([shared.patience(1000, 1), shared.wants(tokens(1000), "")], [0, false]);
  const { isReachable, failures, notices } = shared.status;
  assertEquals([isReachable, failures, notices], [false, 2, [notice]]);
  const finding = shared.find(prompt(400), signal);
  const nothing = { found: null, bytes: 0, lookupMs: 1, isDamaged: false };
  thread.answer({ type: "done", id: thread.last.id, result: nothing });
  assertEquals(await finding, null);
  assertEquals(told.slice(1), ["Shared cache: it can be used again"]);
  assertEquals([shared.status.isReachable, shared.status.misses], [true, 1]);
});

Deno.test("a state that could not be written is wanted again", async () => {
  const { shared, thread } = open();
  shared.publish(state(100));
  thread.answer({ type: "failed", id: thread.last.id, reason: "x" });
  await settled();
  assertEquals(shared.status.dropped, 1);
  const finding = shared.find(prompt(400), signal);
  const nothing = { found: null, bytes: 0, lookupMs: 1, isDamaged: false };
  thread.answer({ type: "done", id: thread.last.id, result: nothing });
  await finding;
  assertEquals(shared.wants(tokens(100), ""), true);
});

Deno.test("a state that was read is not written again, and one that nothing waits for is late", async () => {
  const { shared, thread } = open();
  const ends = new AbortController();
  const find = async (signal: AbortSignal) => {
    const finding = shared.find(prompt(400), signal);
    const { id } = thread.last;
    if (signal === ends.signal) ends.abort();
    const found = { key: "a", stored: { ...state(300), scope: undefined } };
    const result = { found, bytes: 9, lookupMs: 1, isDamaged: false };
    thread.answer({ type: "done", id, result });
    return await finding;
  };
  assertEquals((await find(signal))?.tokens.length, 300);
  assertEquals(shared.wants(tokens(310), ""), false);
  assertEquals(await find(ends.signal), null);
  assertEquals(thread.messages.at(-1)?.type, "cancel");
  const { hits, late, readBytes } = shared.status;
  assertEquals([hits, late, readBytes], [1, 1, 18]);
});

Deno.test("a damaged state is told once", async () => {
  const { shared, thread, told } = open();
  for (let one = 0; one < 2; one++) {
    const finding = shared.find(prompt(400), signal);
    const result = { found: null, bytes: 9, lookupMs: 1, isDamaged: true };
    thread.answer({ type: "done", id: thread.last.id, result });
    await finding;
  }
  assertEquals([told.length, shared.status.failures], [1, 2]);
});

Deno.test("an unload waits for states until its deadline, and ends the thread", async () => {
  const { shared, thread } = open();
  await shared.flush(performance.now() + 1e9);
  shared.publish(state(100));
  await shared.flush(performance.now() + 10);
  const flushing = shared.flush(performance.now() + 1e9);
  await written({ thread }, "a");
  await flushing;
  const finding = shared.find(prompt(400), signal);
  shared[Symbol.dispose]();
  assertEquals([await finding, thread.isEnded, shared.patience(1000, 1)], [null, true, 0]);
});

Deno.test("a model whose files cannot be read is told", () => {
  const { thread, told } = open();
  thread.answer({ type: "failed", id: null, reason: "the model's file cannot be read" });
  assertEquals(told, [
    "Shared cache: this server goes on without it, because the model's file cannot be read",
  ]);
});

Deno.test("a thread that fails ends the sharing, and no request waits", async () => {
  const { shared, thread, told } = open();
  const finding = shared.find(prompt(400), signal);
  thread.onerror!(new ErrorEvent("error", { message: "x", cancelable: true }));
  assertEquals([await finding, shared.patience(1000, 1), told.length], [null, 0, 1]);
});
