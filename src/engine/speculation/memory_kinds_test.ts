/** Drafts by lookup with each kind of memory: the text is that without drafts. */
import { assertEquals, assertGreater } from "@std/assert";
import { join } from "node:path";
import { withFolder } from "../../../ffi/testing.ts";
import { ask, collect, tinyEngine } from "../../../tests/support/engine.ts";
import { randomNumbers } from "../../../tests/support/exactness.ts";
import { KINDS } from "../../../tests/support/memory_kinds.ts";

/** Prompts in which words return in another order, so that some of what a lookup proposes is wrong. */
function prompts(): number[][] {
  const random = randomNumbers(31);
  const words = Array.from({ length: 12 }, () => 300 + random(280));
  return Array.from({ length: 4 }, () => {
    const phrases = Array.from({ length: 20 }, () => words.slice(random(8), 8 + random(5)));
    return phrases.flat();
  });
}

for (const { name, model, options } of KINDS) {
  Deno.test(`${name}: drafts do not change the text`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "model.gguf");
      await Deno.writeFile(path, model());
      const run = async (lookup: boolean) => {
        await using engine = await tinyEngine({
          modelPaths: [path],
          kvType: "f32",
          flashAttention: "off",
          contextLength: 512,
          parallel: 2,
          lookup,
          ...options,
        });
        const tokens: (readonly number[])[] = [];
        for (const prompt of prompts()) {
          const request = ask("", {
            prompt: [{ tokens: prompt }],
            maxTokens: 120,
            ignoreEos: true,
          });
          tokens.push((await collect(engine.generate(request))).tokens);
        }
        return { tokens, status: await engine.status() };
      };
      const plain = await run(false);
      const drafted = await run(true);
      assertEquals(drafted.tokens, plain.tokens);
      const { draftedTokens, acceptedTokens } = drafted.status;
      assertGreater(acceptedTokens, 0);
      assertGreater(draftedTokens, acceptedTokens);
    });
  });
}
