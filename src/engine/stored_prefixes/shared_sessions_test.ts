/**
 * Sessions that another server has saved. Prompts and answers have fewer tokens than a shared prefix, so that
 * cached tokens come from the session alone.
 */
import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import { join } from "node:path";
import { ask, collect, type IteratingEngine as Engine } from "../../../tests/support/engine.ts";
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
import { until } from "../../../tests/support/until.ts";
import { ShimmyError } from "../../errors.ts";

interface Servers {
  /** Loads the engine of another server, with a session folder of its own. */
  readonly load: Load;
  /** The place that they share. */
  readonly shared: string;
}

async function withServers(kind: Kind, use: (servers: Servers) => Promise<void>): Promise<void> {
  await withKind(kind, async (load, folder) => {
    const shared = join(folder, "shared");
    await Deno.mkdir(shared, { recursive: true });
    let count = 0;
    await use({
      shared,
      load: async (changes = {}) => {
        const sessionFolder = join(folder, `own-${count++}`);
        const sharedCache = { folder: shared, secret: "s" };
        const engine = await load({ sharedCache, sessionFolder, ...changes });
        // The first answers do not wait until the model's file is read; these tests do.
        await until(async () => (await engine.status()).sharedCache?.isReady ?? true);
        return engine;
      },
    });
  });
}

/** Paths of the sessions in a place. */
function sessionsIn(folder: string): string[] {
  const paths: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) paths.push(...sessionsIn(join(folder, name)));
    else if (name.endsWith(".session")) paths.push(join(folder, name));
  }
  return paths;
}

interface Told {
  readonly tokens: readonly number[];
  readonly cached: number;
  readonly notices: readonly string[];
}

/** A greedy answer of a few tokens. Resolves when the engine has written what it writes for others. */
async function tell(
  engine: Engine,
  prompt: readonly number[],
  session = "talk",
): Promise<Told> {
  const request = ask("", { prompt: [{ tokens: prompt }], maxTokens: 4, ignoreEos: true, session });
  const before = await settledCount(engine);
  const { tokens, done } = await collect(engine.generate(request));
  await until(async () => await settledCount(engine) > before);
  return {
    tokens: [...prompt, ...tokens],
    cached: done.usage.cachedTokens,
    notices: (done.notices ?? []).map(({ message }) => message),
  };
}

/** States that an engine has written, or given up to write. */
async function settledCount(engine: Engine): Promise<number> {
  const { writes, dropped } = (await engine.status()).sharedCache!;
  return writes + dropped;
}

const go = ({ tokens }: Told) => [...tokens, ...words(3)];

for (const kind of KINDS) {
  Deno.test(`${kind.name}: a session goes on where another server has left it`, async () => {
    await withServers(kind, async ({ load }) => {
      const way = { ...WAY, sessions: 1 };
      const first = words(40);
      await using one = await load();
      const [said] = await answer(one, [first], way);
      await until(async () => (await one.status()).sharedCache!.writes > 0);
      const next = [...first, ...said!.tokens.map(({ id }) => id), ...words(5)];
      let alone: Answer;
      {
        await using engine = await load({ sharedCache: undefined });
        [alone] = (await answer(engine, [next], { ...WAY, cachePrompt: false })) as [Answer];
      }
      await using other = await load();
      const [continued] = (await answer(other, [next], way)) as [Answer];
      assertEqualLogprobs(continued, alone);
      assertGreater(continued.usage.cachedTokens, 39);
      const { hits, failures, notices } = (await other.status()).sharedCache!;
      assertEquals([hits, failures, notices], [1, 0, []]);
    });
  });
}

const TINY: Kind = { name: "", model: null };

Deno.test("servers continue a session in turns, and each uses the newest", async () => {
  await withServers(TINY, async ({ load, shared }) => {
    await using one = await load();
    await using other = await load();
    let told = await tell(one, words(30));
    assertEquals([told.cached, told.notices], [0, []]);
    for (const engine of [other, other, one, other]) {
      const { length } = told.tokens;
      told = await tell(engine, go(told));
      // The last token of an answer is not computed.
      assertEquals([told.cached, told.notices], [length - 1, []]);
    }
    assertEquals(sessionsIn(shared).length, 1);
  });
});

Deno.test("another name, adapter scope or secret gets nothing", async () => {
  await withServers(TINY, async ({ load, shared }) => {
    await using one = await load();
    const first = await tell(one, words(30));
    await using other = await load();
    assertEquals((await tell(other, go(first), "tall")).cached, 0);
    await using foreign = await load({ sharedCache: { folder: shared, secret: "t" } });
    const unknown = await tell(foreign, go(first));
    assertEquals([unknown.cached, unknown.notices], [0, []]);
    await using types = await load({ kvType: "f16" });
    const { cached, notices } = await tell(types, go(first));
    assertEquals([cached, notices], [0, [
      "session: what another server has saved is not used, because another server has saved it with " +
      "another model, adapter, cache type or library",
    ]]);
  });
});

Deno.test("a damaged session is told, the prompt is computed, and the next save replaces it", async () => {
  await withServers(TINY, async ({ load, shared }) => {
    await using one = await load();
    const first = await tell(one, words(30));
    const [path] = sessionsIn(shared) as [string];
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    Deno.writeFileSync(path, bytes);
    await using other = await load();
    const damaged = await tell(other, go(first));
    assertEquals([damaged.cached, damaged.notices], [0, [
      "session: what another server has saved is not used, because its shared state is damaged",
    ]]);
    const { notices } = (await other.status()).sharedCache!;
    assertEquals(notices, [
      "Shared cache: a session is damaged or was made by another program; it is not used",
    ]);
    const again = await tell(one, go(damaged));
    assertEquals([again.cached, again.notices], [damaged.tokens.length - 1, []]);
  });
});

Deno.test("a lost place fails no answer, and what was saved meanwhile comes with the next save", async () => {
  await withServers(TINY, async ({ load, shared }) => {
    await using one = await load();
    const first = await tell(one, words(20));
    await Deno.rename(shared, `${shared}.gone`);
    // The failure is known when an answer has asked.
    const second = await tell(one, go(first));
    assertEquals(second.cached, first.tokens.length - 1);
    const lost = "because the shared cache cannot be used now";
    assertEquals(second.notices[0], `session: what another server has saved is not used, ${lost}`);
    await Deno.rename(`${shared}.gone`, shared);
    // After a failure, the place is not asked for a second or two.
    let told = second;
    await until(async () => {
      told = await tell(one, second.tokens);
      return told.notices.length === 0;
    });
    await using other = await load();
    assertEquals((await tell(other, go(told))).cached, told.tokens.length - 1);
  });
});

Deno.test("a session that one server deletes is gone on the others", async () => {
  await withServers(TINY, async ({ load, shared }) => {
    await using one = await load();
    await using other = await load();
    const first = await tell(one, words(30));
    const second = await tell(other, go(first));
    assertEquals(await one.deleteSession("talk"), true);
    assertEquals(await one.deleteSession("talk"), false);
    assertEquals(sessionsIn(shared), []);
    for (const engine of [one, other]) {
      // An engine with an empty prefix cache would compute the prompt; this one may have it in memory.
      for (const { id } of (await engine.status()).slots) {
        await engine.changeSlot({ action: "erase", slot: id });
      }
      const { cached, notices } = await tell(engine, go(second), "talk");
      assertEquals([cached, notices], [0, []]);
      assertEquals(await engine.deleteSession("talk"), true);
    }
    await Deno.rename(shared, `${shared}.gone`);
    const error = await assertRejects(() => one.deleteSession("talk"), ShimmyError);
    assertEquals([error.kind, error.message], [
      "overloaded",
      "Cannot delete session 'talk': the shared cache cannot be used",
    ]);
  });
});

Deno.test("a slot that one server saves is restored by another", async () => {
  await withServers(TINY, async ({ load, shared }) => {
    await using one = await load({ parallel: 1 });
    await using other = await load({ parallel: 2 });
    const prompt = words(30);
    const tellSlot = async (engine: Engine, slot: number) => {
      const run = ask("", { prompt: [{ tokens: prompt }], maxTokens: 4, ignoreEos: true, slot });
      const { tokens, done } = await collect(engine.generate(run));
      return { tokens, cached: done.usage.cachedTokens };
    };
    const said = await tellSlot(one, 0);
    const saved = await one.changeSlot({ action: "save", slot: 0, session: "slot:a" });
    assertEquals([saved.notice, sessionsIn(shared).length], [undefined, 1]);
    const restored = await other.changeSlot({ action: "restore", slot: 1, session: "slot:a" });
    assertEquals([restored.tokens, restored.bytes], [saved.tokens, saved.bytes]);
    assertEquals(await tellSlot(other, 1), { tokens: said.tokens, cached: prompt.length - 1 });
    const unknown = () => other.changeSlot({ action: "restore", slot: 1, session: "slot:b" });
    assertEquals((await assertRejects(unknown, ShimmyError)).kind, "not_found");
    await Deno.rename(shared, `${shared}.gone`);
    const { notice } = await one.changeSlot({ action: "save", slot: 0, session: "slot:a" });
    assertEquals(notice, "other servers do not get the slot, because it cannot be written");
    const own = await one.changeSlot({ action: "restore", slot: 0, session: "slot:a" });
    assertEquals([own.tokens, own.notice], [
      saved.tokens,
      "what another server has saved is not used, because the shared cache cannot be used now",
    ]);
  });
});
