/** States that another server has computed, with each kind of memory: never another text. */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { join } from "node:path";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";
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
import type { LoadOptions, SharedCacheStatus } from "../protocol/mod.ts";

/** Milliseconds in which an engine writes a state, also on a busy machine. */
const WRITE_MS = 60_000;

async function withShared(
  kind: Kind,
  use: (load: Load, folder: string) => Promise<void>,
): Promise<void> {
  await withKind(kind, async (load, folder) => {
    await Deno.mkdir(folder);
    const sharedCache = { folder, secret: "s" };
    await use(async (changes = {}) => {
      const engine = await load({ sharedCache, ...changes });
      // The first answers do not wait until the model's file is read; these tests do.
      while ((await statusOf(engine))?.isReady === false) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return engine;
    }, folder);
  });
}

async function statusOf(engine: Engine): Promise<SharedCacheStatus | null> {
  return (await engine.status()).sharedCache;
}

/** Waits until an engine has written a state. */
async function untilWritten(engine: Engine): Promise<void> {
  const deadline = performance.now() + WRITE_MS;
  while ((await statusOf(engine))!.writes === 0) {
    if (performance.now() > deadline) throw new Error("The engine has written no state");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: an engine continues what another one has computed`, async () => {
    await withShared(kind, async (load) => {
      const first = words(600);
      // An engine that still runs, as the one of another server does.
      await using writer = await load();
      const [said] = await answer(writer, [first], WAY);
      await untilWritten(writer);
      const next = [...first, ...said!.tokens.map(({ id }) => id), ...words(20)];
      const edited = [...first.slice(0, 580), ...words(30)];
      const alone: Answer[] = [];
      {
        await using engine = await load({ sharedCache: undefined });
        alone.push(...await answer(engine, [next, edited], { ...WAY, cachePrompt: false }));
        // A model that is always certain would answer the same from a wrong state.
        assertLess(
          Math.min(...alone.flatMap((one) => one.tokens.map(({ logprob }) => logprob))),
          -0.1,
        );
      }
      for (const [index, prompt] of [next, edited].entries()) {
        await using engine = await load({ parallel: 1 + index });
        const [continued] = await answer(engine, [prompt], WAY);
        assertEqualLogprobs(continued!, alone[index]!);
        const { cachedTokens } = continued!.usage;
        const isFound = prompt === next || !kind.isWhole;
        // Memories that cannot be truncated have a checkpoint at 512.
        if (isFound) assertGreater(cachedTokens, prompt === next ? 600 : 511);
        else assertEquals(cachedTokens, 0);
        const { hits, misses, failures, notices } = (await statusOf(engine))!;
        assertEquals([hits, misses, failures, notices], isFound ? [1, 0, 0, []] : [0, 1, 0, []]);
      }
    });
  });
}

Deno.test("another KV cache type, secret or adapter computes again", async () => {
  await withShared({ name: "", model: null }, async (load, folder) => {
    const prompt = words(300);
    const cached = async (changes: Partial<LoadOptions>) => {
      await using engine = await load(changes);
      const [{ usage }] = (await answer(engine, [prompt], WAY)) as [Answer];
      return usage.cachedTokens;
    };
    assertEquals(await cached({}), 0);
    // An unload has waited until the state was written.
    assertEquals(await cached({}), 299);
    assertEquals(await cached({ kvType: "f16" }), 0);
    assertEquals(await cached({ kvType: "f16" }), 299);
    assertEquals(await cached({ sharedCache: { folder, secret: "t" } }), 0);
  });
});

Deno.test("a prompt that may not be cached is not shared", async () => {
  await withShared({ name: "", model: null }, async (load, folder) => {
    {
      await using engine = await load();
      await answer(engine, [words(300)], { ...WAY, cachePrompt: false });
    }
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});

Deno.test("a folder that is lost costs a notice, and no answer", async () => {
  await withShared({ name: "", model: null }, async (load, folder) => {
    await using engine = await load({ sharedCache: { folder: join(folder, "none"), secret: "" } });
    for (let count = 0; count < 3; count++) {
      const [{ usage }] = (await answer(engine, [words(300)], WAY)) as [Answer];
      assertEquals(usage.completionTokens, 6);
    }
    const { isReachable, notices } = (await statusOf(engine))!;
    assertEquals([isReachable, notices], [false, [
      "Shared cache: this server goes on without it, because its folder does not exist",
    ]]);
  });
});
