/** Reuse of prefixes on disk after a restart, with each kind of memory: never another text. */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import {
  type IteratingEngine as Engine,
  loadEngine,
  PIRATE_LORA,
  tinyOptions,
} from "../../../tests/support/engine.ts";
import { type Answer, answer } from "../../../tests/support/exactness.ts";
import {
  assertEqualLogprobs,
  type Kind,
  KINDS,
  type Load,
  WAY,
  withKind,
  words,
} from "../../../tests/support/stored_kinds.ts";
import type { ContextShape, DiskCacheStatus, LoadOptions } from "../protocol/mod.ts";

async function withCache(
  kind: Kind,
  use: (load: Load, folder: string) => Promise<void>,
): Promise<void> {
  await withKind(kind, async (load, folder) => {
    const diskCache = { folder, modelBytes: 2 ** 30, totalBytes: 2 ** 30 };
    await use((changes = {}) => load({ diskCache, ...changes }), folder);
  });
}

async function diskStatus(engine: Engine): Promise<DiskCacheStatus> {
  return (await engine.status()).diskCache!;
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: a restarted engine continues from disk as if it had computed`, async () => {
    await withCache(kind, async (load) => {
      const first = words(600);
      let next: number[];
      {
        await using engine = await load();
        const [said] = await answer(engine, [first], WAY);
        next = [...first, ...said!.tokens.map(({ id }) => id), ...words(20)];
      }
      const edited = [...first.slice(0, 580), ...words(30)];
      const alone: Answer[] = [];
      {
        await using engine = await load({ diskCache: undefined });
        const plain = { ...WAY, cachePrompt: false };
        alone.push(...await answer(engine, [next, edited, first], plain));
        // A model that is always certain would answer the same from a wrong state.
        assertLess(
          Math.min(...alone.flatMap((one) => one.tokens.map(({ logprob }) => logprob))),
          -0.1,
        );
      }
      for (const [index, prompt] of [next, edited, first].entries()) {
        // Each with another number of streams than the one that wrote.
        await using engine = await load({ parallel: 1 + (index + 2) % 3 });
        const [continued] = await answer(engine, [prompt], WAY);
        assertEqualLogprobs(continued!, alone[index]!);
        const { cachedTokens, promptTokens } = continued!.usage;
        const isFound = prompt === next || !kind.isWhole;
        if (!isFound) assertEquals(cachedTokens, 0);
        else if (prompt === first) assertEquals(cachedTokens, promptTokens - 1);
        // Memories that cannot be truncated have a checkpoint at 512.
        else assertGreater(cachedTokens, prompt === next ? 600 : 511);
        const status = await diskStatus(engine);
        assertEquals([status.hits, status.failures, status.notices], [isFound ? 1 : 0, 0, []]);
      }
    });
  });
}

Deno.test("another KV cache type computes again and says so once; an adapter has its own states", async () => {
  await withCache({ name: "", model: null }, async (load) => {
    const prompt = words(200);
    const cached = async (changes: Partial<LoadOptions>) => {
      await using engine = await load(changes);
      const [{ usage }] = (await answer(engine, [prompt], WAY)) as [Answer];
      return [usage.cachedTokens, (await diskStatus(engine)).notices.length];
    };
    assertEquals(await cached({}), [0, 0]);
    assertEquals(await cached({}), [199, 0]);
    const adapted = { loras: [{ path: PIRATE_LORA, scale: 1, name: "pirate" }] };
    assertEquals(await cached(adapted), [0, 0]);
    assertEquals(await cached(adapted), [199, 0]);
    assertEquals(await cached({ loras: [{ ...adapted.loras[0]!, scale: 0.5 }] }), [0, 0]);
    assertEquals(await cached({ kvType: "f16" }), [0, 1]);
    assertEquals(await cached({ kvType: "f16", parallel: 2 }), [199, 1]);
  });
});

Deno.test("a conversation longer than the first context is read when a larger one replaces it", async () => {
  await withCache({ name: "", model: null }, async (load) => {
    const first = words(600);
    const way = { ...WAY, cachePrompt: true };
    {
      await using engine = await load({ contextLength: 0 });
      await answer(engine, [first], way);
    }
    const shape: ContextShape = {
      ...{ length: 256, sequences: 2, unified: false, cells: 512, swaFull: true, kvBytes: 0 },
      reason: "two short streams",
    };
    await using engine = await load({ contextLength: 0, shape, parallel: 2, kvUnified: "off" });
    const [continued] = await answer(engine, [[...first, ...words(20)]], way);
    assertEquals((await engine.status()).context!.replacements, 1);
    assertGreater(continued!.usage.cachedTokens, 590);
    assertEquals((await diskStatus(engine)).hits, 1);
  });
});

Deno.test("notices reach the owner of the engine, and requests that leave do no harm", async () => {
  await withFolder(async (folder) => {
    const prompt = words(200);
    const diskCache = { folder: join(folder, "cache"), modelBytes: 2 ** 30, totalBytes: 2 ** 30 };
    const options = await tinyOptions({ diskCache, parallel: 1 });
    {
      await using engine = await loadEngine(options);
      await answer(engine, [prompt], WAY);
    }
    for (const { name } of Deno.readDirSync(diskCache.folder)) {
      const path = join(diskCache.folder, name);
      const bytes = Deno.readFileSync(path);
      bytes[bytes.length - 100]! ^= 1;
      Deno.writeFileSync(path, bytes);
    }
    const said: string[] = [];
    await using engine = await loadEngine(options, { onNotice: (notice) => said.push(notice) });
    const ask = { prompt: [{ tokens: prompt }], sampling: { temperature: 0 }, stop: [] };
    const left = engine.generate({ ...ask, maxTokens: 6 });
    left.control({ type: "cancel" });
    for await (const event of left) if (event.type === "done") break;
    const [{ usage }] = (await answer(engine, [prompt], WAY)) as [Answer];
    assertEquals(usage.cachedTokens, 0);
    assertEquals(said, [
      "Disk cache: a file is damaged and was removed; its prompt is computed again",
    ]);
    assertEquals((await diskStatus(engine)).notices, said);
  });
});
