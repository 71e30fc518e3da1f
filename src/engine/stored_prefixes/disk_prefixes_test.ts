import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { cacheWith, tokens } from "../../../tests/doubles/kv_cache.ts";
import { DiskCache } from "../disk_cache/mod.ts";
import { DiskPrefixes, type PrefixFiles, type RestorableSequence } from "./disk_prefixes.ts";

/** Bytes of each state on disk. */
const STATE = 5000;

interface Setup {
  readonly reader: DiskPrefixes;
  readonly disk: DiskCache;
  readonly cache: ReturnType<typeof cacheWith>["cache"];
  /** Resolves when this many sequences are ready. */
  ready(count: number): Promise<void>;
}

/** A reader over a folder with three states of 100 tokens. */
async function withReader(
  { budget = 100_000, msPerToken = 0 },
  use: (setup: Setup) => Promise<void>,
): Promise<void> {
  await withFolder(async (parent) => {
    const disk = new DiskCache({
      folder: join(parent, "prefixes"),
      limits: { model: 1e9, total: 1e9 },
      model: "m",
    });
    disk.use({ fingerprint: "f", canTruncate: true, sequenceLength: 1000 });
    for (const first of [0, 1000, 2000]) {
      const state = { tokens: tokens(100, first), state: new Uint8Array(STATE) };
      await disk.write({ ...state, checkpoints: [], scope: "" }, 100);
    }
    const { cache } = cacheWith({ savedBytes: 100_000 });
    let count = 0;
    let changed = () => {};
    const reader = new DiskPrefixes(disk, cache, {
      budget,
      msPerToken: () => msPerToken,
      onReady: () => {
        count++;
        changed();
      },
    });
    const ready = async (wanted: number) => {
      while (count < wanted) await new Promise<void>((resolve) => changed = resolve);
    };
    await use({ reader, disk, cache, ready });
    while (reader.isBusy) await new Promise((resolve) => setTimeout(resolve, 1));
  });
}

const sequence = (first: number, length = 120): RestorableSequence => ({
  ...{ tokens: tokens(length, first), scope: "", isRestoring: false, inserted: null },
});

Deno.test("a sequence waits while its prefix is read, and then finds it", async () => {
  await withReader({}, async ({ reader, cache, ready, disk }) => {
    const one = sequence(0);
    reader.begin(one);
    assertEquals([one.isRestoring, reader.isBusy], [true, true]);
    await ready(1);
    assertEquals([one.isRestoring, reader.isBusy], [false, false]);
    assertEquals(cache.cachedLength(one.tokens, ""), 100);
    assertEquals(disk.status.hits, 1);
  });
});

Deno.test("a prompt that memory serves as well is not read from disk", async () => {
  await withReader({}, async ({ reader, cache, disk }) => {
    const stream = cache.acquire(tokens(60), true)!;
    stream.tokens.push(...tokens(60));
    cache.release(stream, false);
    for (const one of [sequence(0), sequence(0, 30), sequence(7000)]) {
      reader.begin(one);
      assertEquals(one.isRestoring, false);
    }
    assertEquals(disk.status.hits, 0);
    await Promise.resolve();
  });
});

Deno.test("a client that leaves while its prefix is read leaves nothing behind", async () => {
  await withReader({}, async ({ reader, cache, ready }) => {
    const [gone, other] = [sequence(0), sequence(1000)];
    reader.begin(gone);
    reader.begin(other);
    reader.release(gone);
    await ready(1);
    assertEquals([gone.inserted, other.inserted === null], [null, false]);
    while (reader.isBusy) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(cache.cachedLength(gone.tokens, ""), 0);
  });
});

Deno.test("sequences read one after the other when their states do not fit together", async () => {
  await withReader({ budget: STATE + 1000 }, async ({ reader, cache, ready }) => {
    const [first, second, third] = [sequence(0), sequence(1000), sequence(2000)];
    for (const one of [first, second, third]) reader.begin(one);
    await ready(1);
    assertEquals([first, second, third].map(({ isRestoring }) => isRestoring), [
      false,
      true,
      true,
    ]);
    // The second one leaves while it waits.
    reader.release(second);
    cache.removeInserted(first.inserted!);
    reader.release(first);
    await ready(2);
    assertEquals([second.inserted, third.inserted === null], [null, false]);
  });
});

Deno.test("a sequence does not wait longer than computing its prefix would take", async () => {
  await withReader({}, async ({ disk }) => {
    const { cache } = cacheWith();
    const slow = Promise.withResolvers<null>();
    const isReady = Promise.withResolvers<void>();
    const files: PrefixFiles = {
      ...{ minTokens: 64, isWriting: false, refuse: () => {}, isCurrent: () => true },
      find: (query) => disk.find(query),
      reach: (query) => disk.reach(query),
      read: () => slow.promise,
    };
    const reader = new DiskPrefixes(files, cache, {
      budget: 100_000,
      msPerToken: () => 0.01,
      onReady: isReady.resolve,
    });
    const one = sequence(0);
    reader.begin(one);
    assertEquals(one.isRestoring, true);
    await isReady.promise;
    assertEquals([one.isRestoring, one.inserted, reader.isBusy], [false, null, false]);
    slow.resolve(null);
  });
});

Deno.test("a state that libllama refuses is not read again", async () => {
  await withReader({}, async ({ reader, ready, disk }) => {
    const one = sequence(0);
    reader.begin(one);
    await ready(1);
    // A state that was not used for another reason stays.
    reader.checkUse(one);
    assertEquals(disk.status.notices, []);
    one.inserted!.isRefused = true;
    reader.checkUse(one);
    reader.release(one);
    assertEquals(disk.status.notices, [
      "Disk cache: libllama does not accept a saved state; its prompt is computed again",
    ]);
    const again = sequence(0);
    reader.begin(again);
    assertEquals(again.isRestoring, false);
  });
});
