/** A draft model beside each kind of memory: the text is that without drafts. */
import { assertEquals, assertGreater } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { bigramModel } from "../../../tests/models/bigrams.ts";
import { tinyEngine } from "../../../tests/support/engine.ts";
import {
  type Answer,
  answer,
  assertSameAnswers,
  randomNumbers,
} from "../../../tests/support/exactness.ts";
import { KINDS } from "../../../tests/support/memory_kinds.ts";
import type { LoadOptions } from "../protocol/mod.ts";

/** Tolerance for log probabilities: drafts change how many tokens are computed at once. */
const ROUNDING = 0.002;

/** Conversations that go on and branch off, so that sequences return to streams with other tokens. */
function conversations(): number[][] {
  const random = randomNumbers(41);
  const words = (count: number) => Array.from({ length: count }, () => 300 + random(40));
  const all: number[][] = [];
  while (all.length < 16) {
    const earlier = all[random(all.length || 1)] ?? [];
    const kept = random(3) === 0 ? earlier.slice(0, random(earlier.length + 1)) : earlier;
    all.push(kept.length > 220 ? words(30) : [...kept, ...words(10 + random(60))]);
  }
  return all;
}

/** The token that follows each token most often in the first answer that has it. */
function followersIn(answers: readonly Answer[]): Map<number, number> {
  const followers = new Map<number, number>();
  for (const { tokens } of answers) {
    const counts = new Map<number, Map<number, number>>();
    tokens.slice(1).forEach(({ id }, at) => {
      const before = tokens[at]!.id;
      const found = counts.get(before) ?? new Map<number, number>();
      counts.set(before, found.set(id, (found.get(id) ?? 0) + 1));
    });
    for (const [token, found] of counts) {
      if (followers.has(token)) continue;
      followers.set(token, [...found].reduce((best, one) => one[1] > best[1] ? one : best)[0]);
    }
  }
  return followers;
}

/** Answers three conversations alone, where drafts are timed for some memories, and the others in pairs. */
async function answers(options: Partial<LoadOptions>) {
  await using engine = await tinyEngine({
    kvType: "f32",
    flashAttention: "off",
    parallel: 3,
    lookup: false,
    ...options,
  });
  const way = { cachePrompt: true, maxTokens: 40, ignoreEos: true };
  const all = conversations();
  const alone = await answer(engine, all.slice(0, 3), { ...way, together: 1 });
  const pairs = await answer(engine, all.slice(3), { ...way, together: 2 });
  return { answers: [...alone, ...pairs], status: await engine.status() };
}

for (const { name, model, options } of KINDS) {
  for (const kvUnified of [false, true]) {
    const buffer = kvUnified ? "one buffer" : "streams";
    Deno.test(`${name} in ${buffer}: a draft model does not change the text`, async () => {
      await withFolder(async (folder) => {
        const path = join(folder, "model.gguf");
        const draft = join(folder, "draft.gguf");
        await Deno.writeFile(path, model());
        const contextLength = kvUnified ? 700 : 400;
        const memory = { modelPaths: [path], kvUnified, contextLength, ...options };
        const plain = await answers(memory);
        await Deno.writeFile(draft, bigramModel(followersIn(plain.answers)));
        const drafted = await answers({ ...memory, draftPaths: [draft] });
        assertSameAnswers(drafted.answers, plain.answers, name, ROUNDING);
        const { speculation, draftedTokens, acceptedTokens, memoryKind } = drafted.status;
        assertEquals(speculation, "draft");
        assertGreater(acceptedTokens, 0);
        // How many drafts these memories get depends on the time that they take.
        if (memoryKind === "recurrent" || memoryKind === "hybrid") return;
        assertGreater(draftedTokens, acceptedTokens);
      });
    });
  }
}
