import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { KeyCounters, readKeyUse } from "./counters.ts";

/** The start of a minute, in milliseconds. */
const START = 1_700_000_040_000;
const RATE = { amount: 10, seconds: 60 };
/** No test waits for the timer: disposal writes what has changed. */
const NEVER = 3_600_000;

/** A folder, and counters on it with a clock that the test sets. */
async function folder() {
  const path = await Deno.makeTempDir();
  const clock = { now: START };
  const errors: unknown[] = [];
  return {
    path,
    file: join(path, "usage.json"),
    clock,
    errors,
    async open() {
      const options = { now: () => clock.now, delayMs: NEVER };
      const counters = new KeyCounters(path, { ...options, failed: (e) => errors.push(e) });
      await counters.read();
      return counters;
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

function count(counters: KeyCounters, requests: number): void {
  counters.add("k", { requests, tokens: 100 * requests, quotas: { rate: RATE } });
}

/** Writes what has changed. */
async function save(counters: KeyCounters): Promise<void> {
  await counters[Symbol.asyncDispose]();
}

function remaining(counters: KeyCounters): number {
  return counters.state("k", "rate", RATE).remaining;
}

Deno.test("servers with the same folder count together", async () => {
  await using keys = await folder();
  const [one, other] = [await keys.open(), await keys.open()];
  count(one, 3);
  count(other, 2);
  await save(one);
  await save(other);
  assertEquals(remaining(other), 5);
  const { requests, tokens } = (await readKeyUse(keys.path))["k"]!;
  assertEquals([requests, tokens], [5, 500]);
  // A server sees the counts of others when it writes its own.
  assertEquals(remaining(one), 7);
  count(one, 1);
  await save(one);
  assertEquals(remaining(one), 4);
});

Deno.test("counts that could not be written are added with the next ones", async () => {
  await using keys = await folder();
  const counters = await keys.open();
  await Deno.mkdir(keys.file);
  count(counters, 2);
  await save(counters);
  assertEquals([keys.errors.length > 0, remaining(counters)], [true, 8]);
  await Deno.remove(keys.file);
  count(counters, 1);
  assertEquals(remaining(counters), 7);
  await save(counters);
  assertEquals((await readKeyUse(keys.path))["k"]!.requests, 3);
});

Deno.test("a file that disappears while a server runs is written anew", async () => {
  await using keys = await folder();
  const counters = await keys.open();
  count(counters, 2);
  await save(counters);
  await Deno.remove(keys.file);
  count(counters, 1);
  await save(counters);
  assertEquals((await readKeyUse(keys.path))["k"]!.requests, 3);
});

Deno.test("limits hold after the clock was set back", async () => {
  await using keys = await folder();
  const counters = await keys.open();
  count(counters, 9);
  await save(counters);
  keys.clock.now = START - 3_600_000;
  assertEquals(remaining(counters), 10);
  for (const left of [6, 2]) {
    count(counters, 4);
    await save(counters);
    assertEquals(remaining(counters), left);
  }
  assertEquals((await readKeyUse(keys.path))["k"]!.requests, 17);
});

Deno.test("a window ends for all servers", async () => {
  await using keys = await folder();
  const [one, other] = [await keys.open(), await keys.open()];
  count(one, 9);
  await save(one);
  keys.clock.now += 60_000;
  count(other, 1);
  await save(other);
  count(one, 1);
  await save(one);
  assertEquals([remaining(one), (await readKeyUse(keys.path))["k"]!.requests], [8, 11]);
});

Deno.test("a file with other values counts as empty and is reported", async () => {
  await using keys = await folder();
  const use = { requests: 1, tokens: 2, lastUsed: 3 };
  const wrong: readonly unknown[] = [
    [use],
    "text",
    { k: 5 },
    { k: null },
    { k: { requests: 1 } },
    { k: { ...use, lastUsed: 9e15 } },
    { k: { ...use, tokens: -1 } },
    { k: { ...use, rate: { start: 0 } } },
  ];
  for (const value of wrong) {
    await Deno.writeTextFile(keys.file, JSON.stringify(value));
    assertEquals(await readKeyUse(keys.path), {}, JSON.stringify(value));
    const counters = await keys.open();
    assertEquals(remaining(counters), 10);
  }
  assertEquals(keys.errors.length, wrong.length);
  await Deno.writeTextFile(keys.file, JSON.stringify({ k: use }));
  assertEquals(await readKeyUse(keys.path), { k: use });
});
