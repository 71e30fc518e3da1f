import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import {
  DiskCache,
  type DiskCacheOptions,
  type DiskCacheTarget,
  type ScopedState,
} from "./disk_cache.ts";
import type { DiskMatch } from "./disk_index.ts";
import type { OpenFile } from "./write_state.ts";

const tokens = (count: number, first = 0) => Array.from({ length: count }, (_, at) => first + at);

function state(changes: Partial<ScopedState> = {}): ScopedState {
  return {
    tokens: tokens(100),
    state: new Uint8Array(1000).map((_, at) => at * 7),
    checkpoints: [{ position: 50, state: new Uint8Array([1, 2, 3]) }],
    scope: "[]",
    ...changes,
  };
}

type Changes = Partial<DiskCacheOptions & DiskCacheTarget>;

async function withCache(
  use: (open: (changes?: Changes) => DiskCache, folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (parent) => {
    const folder = join(parent, "prefixes");
    const limits = { model: 1_000_000, total: 1_000_000 };
    const open = (changes: Changes = {}) => {
      const cache = new DiskCache({ folder, limits, model: "m.gguf", ...changes });
      cache.use({ fingerprint: "f", canTruncate: true, sequenceLength: 10_000, ...changes });
      return cache;
    };
    await use(open, folder);
  });
}

function find(cache: DiskCache, prompt: readonly number[], scope = "[]"): DiskMatch | null {
  return cache.find({ tokens: prompt, scope, limit: prompt.length - 1, atLeast: 16 });
}

function onlyFile(folder: string): string {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
  assertEquals(names.length, 1, names.join());
  return join(folder, names[0]!);
}

Deno.test("a state comes back as it was written, also to another process", async () => {
  await withCache(async (open, folder) => {
    assert(await open().write(state(), 500));
    const cache = open();
    const match = find(cache, tokens(120))!;
    assertEquals([match.length, match.file.computeMs], [100, 500]);
    assertEquals(await cache.read(match), state());
    assertEquals(find(cache, tokens(120, 5)), null);
    const { bytes, files, hits, misses, failures } = cache.status;
    assertEquals([files, hits, misses, failures], [1, 1, 1, 0]);
    assertEquals(bytes, Deno.statSync(onlyFile(folder)).size);
  });
});

Deno.test("only the owner may read files and folder, whose names do not tell the text", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await withCache(async (open, folder) => {
    await open().write(state(), 500);
    assertEquals(Deno.statSync(folder).mode! & 0o777, 0o700);
    assertEquals(Deno.statSync(onlyFile(folder)).mode! & 0o777, 0o600);
  });
});

Deno.test("another scope, fingerprint or longer state than a sequence is not found", async () => {
  await withCache(async (open) => {
    await open().write(state(), 500);
    assertEquals(find(open(), tokens(120), "[lora]"), null);
    assertEquals(find(open({ fingerprint: "g" }), tokens(120)), null);
    assertEquals(find(open({ sequenceLength: 99 }), tokens(120)), null);
  });
});

Deno.test("states of another version of the model are reported once", async () => {
  await withCache(async (open) => {
    await open().write(state(), 500);
    const said: string[] = [];
    const cache = open({ fingerprint: "g" });
    cache.onNotice = (notice) => said.push(notice);
    assertEquals(said.length, 1);
    assertStringIncludes(said[0]!, "1 states of this model were saved with another version");
    assertEquals(cache.status.notices, said);
    assertEquals(open({ fingerprint: "g", model: "other.gguf" }).status.notices, []);
  });
});

Deno.test("after the context was replaced, the states of the other one are used", async () => {
  await withCache(async (open) => {
    const cache = open();
    cache.spill(state(), 500);
    const other = { fingerprint: "g", canTruncate: true, sequenceLength: 10_000 };
    cache.use(other);
    // The waiting state belongs to the former context.
    await cache.flush();
    assertEquals(find(cache, tokens(120)), null);
    await cache.write(state(), 500);
    const match = find(cache, tokens(120))!;
    assertEquals(cache.isCurrent(match), true);
    cache.use({ ...other, fingerprint: "f" });
    assertEquals(cache.isCurrent(match), false);
    assertEquals(await cache.read(find(cache, tokens(120))!), state());
    assertEquals([cache.status.writes, cache.status.notices], [2, []]);
  });
});

Deno.test("a longer state replaces a shorter one that can be cut from it", async () => {
  await withCache(async (open, folder) => {
    const cache = open();
    await cache.write(state(), 500);
    await cache.write(state({ tokens: [...tokens(90), ...tokens(50, 500)] }), 500);
    assertEquals([...Deno.readDirSync(folder)].length, 2);
    await cache.write(state({ tokens: tokens(200) }), 900);
    assertEquals([...Deno.readDirSync(folder)].length, 2);
    assertEquals(find(cache, tokens(300))!.length, 200);
    // A state that a file provides is not written again.
    assertEquals([await cache.write(state(), 500), cache.status.writes], [false, 3]);
  });
});

Deno.test("without truncation, shorter states stay", async () => {
  await withCache(async (open, folder) => {
    const cache = open({ canTruncate: false });
    await cache.write(state(), 500);
    await cache.write(state({ tokens: tokens(200) }), 900);
    assertEquals([...Deno.readDirSync(folder)].length, 2);
    assertEquals(find(cache, tokens(190))!.length, 100);
    assertEquals(find(cache, tokens(90))!.length, 50);
  });
});

Deno.test("every damaged or missing byte is noticed, and the file is removed", async () => {
  await withCache(async (open, folder) => {
    await open().write(state({ state: new Uint8Array(40) }), 500);
    const path = onlyFile(folder);
    const whole = Deno.readFileSync(path);
    const damaged = [
      ...whole.keys().map((at) => whole.map((byte, index) => index === at ? byte ^ 4 : byte)),
      ...whole.keys().map((length) => whole.slice(0, length)),
      new Uint8Array([...whole, 0]),
    ];
    for (const [index, bytes] of damaged.entries()) {
      Deno.writeFileSync(path, bytes);
      const cache = open();
      const match = find(cache, tokens(120));
      // A damaged head is not in the index.
      if (match !== null) assertEquals(await cache.read(match), null, `damage ${index}`);
      assertEquals([...Deno.readDirSync(folder)], [], `damage ${index}`);
      assertEquals([cache.status.hits, cache.status.failures], [0, 1], `damage ${index}`);
      assertEquals(cache.status.notices.length, 1);
      assertEquals(cache.status.notices[0]!.includes(folder), false);
    }
  });
});

Deno.test("a damaged length of the head costs no memory", async () => {
  await withCache(async (open, folder) => {
    await open().write(state(), 500);
    const path = onlyFile(folder);
    const bytes = Deno.readFileSync(path);
    new DataView(bytes.buffer).setUint32(8, 0xffff_fff0, true);
    Deno.writeFileSync(path, bytes);
    assertEquals(find(open(), tokens(120)), null);
  });
});

Deno.test("a file that another process removed is computed again without a notice", async () => {
  await withCache(async (open, folder) => {
    await open().write(state(), 500);
    const cache = open();
    const match = find(cache, tokens(120))!;
    Deno.removeSync(onlyFile(folder));
    assertEquals(await cache.read(match), null);
    assertEquals([cache.status.failures, cache.status.files], [0, 0]);
    assertEquals(find(cache, tokens(120)), null);
  });
});

Deno.test("a state whose file another process removed is written again", async () => {
  await withCache(async (open, folder) => {
    const cache = open();
    await cache.write(state(), 500);
    Deno.removeSync(onlyFile(folder));
    assertEquals(await cache.write(state(), 500), true);
    assertEquals(find(cache, tokens(120))!.length, 100);
  });
});

Deno.test("files of another process are found without a restart", async () => {
  await withCache(async (open) => {
    const [one, two] = [open(), open()];
    assertEquals(find(two, tokens(120)), null);
    await one.write(state(), 500);
    assertEquals(find(two, tokens(120))!.length, 100);
  });
});

Deno.test("the bound holds, and the least useful file goes first", async () => {
  await withCache(async (open, folder) => {
    const limits = { model: 5000, total: 5000 };
    const cache = open({ limits });
    const large = (first: number) =>
      state({ tokens: tokens(100, first), state: new Uint8Array(1500) });
    const sizes = () =>
      [...Deno.readDirSync(folder)].map(({ name }) => Deno.statSync(join(folder, name)).size);
    for (let first = 0; first < 10; first++) {
      // The second one takes long to compute again.
      await cache.write(large(1000 * first), first === 1 ? 100_000 : 100);
      assert(sizes().reduce((sum, size) => sum + size, 0) <= limits.total);
    }
    assertEquals(find(cache, tokens(101, 1000))!.length, 100);
    assertEquals(find(cache, tokens(101, 9000))!.length, 100);
    assertEquals(find(cache, tokens(101, 0)), null);
    assertEquals(cache.status.failures, 0);
  });
});

Deno.test("the bound counts whole files, and those that ended processes left unfinished", async () => {
  await withCache(async (open, folder) => {
    await open().write(state(), 500);
    const path = onlyFile(folder);
    const { size } = Deno.statSync(path);
    const sizes = () =>
      [...Deno.readDirSync(folder)].map(({ name }) => Deno.statSync(join(folder, name)).size);
    const total = () => sizes().reduce((sum, bytes) => sum + bytes, 0);
    const write = async (limit: number, first: number) => {
      const cache = open({ limits: { model: limit, total: limit } });
      await cache.write(state({ tokens: tokens(100, first) }), 500);
      assert(total() <= limit, `${total()} of ${limit} bytes`);
    };
    // The names and the checksums in the head differ by a few bytes.
    await write(2 * size - 40, 1000);
    Deno.writeFileSync(`${path}.1.tmp`, new Uint8Array(size));
    await write(3 * size - 40, 2000);
    await write(3 * size - 40, 3000);
    assertEquals(sizes().length, 2);
  });
});

Deno.test("a state larger than the bound is not written, with a notice", async () => {
  await withCache(async (open) => {
    const cache = open({ limits: { model: 500, total: 1_000_000 } });
    assertEquals(await cache.write(state(), 500), false);
    assertEquals(cache.status.notices, [
      "Disk cache: a state is larger than the disk cache and is not saved",
    ]);
  });
});

/** Opens files that fail after a number of bytes. */
const failing = (error: Error, room: number): OpenFile => async (path) => {
  const file = await Deno.open(path, { write: true, createNew: true });
  return {
    write: (bytes) => (room -= bytes.length) < 0 ? Promise.reject(error) : file.write(bytes),
    [Symbol.dispose]: () => file.close(),
  };
};

Deno.test("a full disk costs one notice and leaves no file", async () => {
  await withCache(async (open, folder) => {
    const full = Object.assign(new Error("No space left on /secret"), { code: "ENOSPC" });
    for (const room of [0, 100, 1500]) {
      const cache = open({ open: failing(full, room) });
      assertEquals([await cache.write(state(), 500), await cache.write(state(), 500)], [
        false,
        false,
      ]);
      assertEquals(cache.status.notices, [
        "Disk cache: a state was not saved, because the disk is full",
      ]);
      assertEquals([cache.status.failures, cache.status.writes], [2, 0]);
      assertEquals([...Deno.readDirSync(folder)], []);
    }
  });
});

Deno.test("after the deadline, writing stops and leaves no file", async () => {
  await withCache(async (open, folder) => {
    const cache = open();
    assertEquals(await cache.write(state(), 500, performance.now() - 1), false);
    assertEquals([...Deno.readDirSync(folder)], []);
    assertEquals(cache.status.notices, []);
  });
});

Deno.test("states wait to be written one after the other, at most four", async () => {
  await withCache(async (open) => {
    const cache = open();
    for (let at = 0; at < 10; at++) cache.spill(state({ tokens: tokens(100, 1000 * at) }), 500);
    assertEquals(cache.isWriting, true);
    await cache.flush();
    // One is being written, and four wait.
    assertEquals([cache.isWriting, cache.status.writes], [false, 5]);
    cache.spill(state({ tokens: tokens(63, 70_000) }), 500);
    assertEquals(cache.isWriting, false);
  });
});

Deno.test("unfinished files of a process that ended are removed after an hour", async () => {
  await withCache(async (open, folder) => {
    const cache = open();
    await cache.write(state(), 500);
    const path = onlyFile(folder);
    const [old, young] = [`${path}.1.tmp`, `${path}.2.tmp`] as const;
    for (const name of [old, young]) Deno.writeTextFileSync(name, "part");
    const hours = new Date(Date.now() - 2 * 3_600_000);
    Deno.utimeSync(old, hours, hours);
    await cache.write(state({ tokens: tokens(100, 900) }), 500);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name));
    assertEquals([names.includes(old), names.includes(young)], [false, true]);
  });
});
