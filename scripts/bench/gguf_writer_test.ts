import { encodeHex } from "@std/encoding/hex";
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { realLibraryFolder } from "../../ffi/testing.ts";
import { ask, collect, tinyEngine } from "../../tests/support/engine.ts";
import { DEFAULT_SHAPE, type ModelShape, WEIGHT_TYPES, writeModel } from "./gguf_writer.ts";
import { benchText, benchVocabulary } from "./vocabulary.ts";

const SMALL: ModelShape = {
  ...DEFAULT_SHAPE,
  embedding: 128,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  feedForward: 256,
  context: 512,
};
const vocabulary = benchVocabulary(2_000);
const ignore = await realLibraryFolder() === null;

async function withModel(shape: ModelShape, use: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shimmy-bench-" });
  try {
    const path = join(folder, "model.gguf");
    await writeModel(path, shape, vocabulary);
    await use(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const type of WEIGHT_TYPES) {
  for (const experts of [undefined, { count: 4, used: 2 }]) {
    const kind = experts === undefined ? "dense" : "mixture-of-experts";
    Deno.test({
      name: `a ${kind} model with random ${type} weights loads, tokenizes and generates`,
      ignore,
      async fn() {
        const shape = { ...SMALL, type, ...(experts === undefined ? {} : { experts }) };
        await withModel(shape, async (path) => {
          await using engine = await tinyEngine({ modelPaths: [path], threads: 1 });
          const attention = 128 * (128 * 2 + 64 * 2);
          const feedForward = 128 * 256 * 3 * (experts?.count ?? 1) +
            (experts === undefined ? 0 : 128 * experts.count);
          assertEquals(
            engine.info.parameters,
            2 * 2_000 * 128 + 2 * (attention + feedForward + 2 * 128) + 128,
          );
          assertEquals(engine.info.vocabularySize, 2_000);
          const text = "ab cd ef";
          const tokens = await engine.tokenize([{ text, special: false }], true);
          assertEquals(tokens.length, 4);
          assertEquals((await engine.detokenize(tokens.slice(1))).trim(), text);
          const run = () => collect(engine.generate(ask(text, { maxTokens: 8, ignoreEos: true })));
          const [first, second] = [await run(), await run()];
          assertEquals(first.tokens.length, 8);
          assertEquals(first.tokens, second.tokens);
        });
      },
    });
  }
}

Deno.test("the same seed writes the same bytes, another seed different ones", async () => {
  const digest = async (seed: number) => {
    let hex = "";
    await withModel({ ...SMALL, seed }, async (path) => {
      hex = encodeHex(await crypto.subtle.digest("SHA-256", await Deno.readFile(path)));
    });
    return hex;
  };
  assertEquals(await digest(1), await digest(1));
  assertNotEquals(await digest(1), await digest(2));
});

Deno.test("a shape that does not fit blocks or heads is refused", async () => {
  const path = "never-written.gguf";
  for (const wrong of [{ embedding: 100 }, { feedForward: 10 }, { heads: 3 }, { kvHeads: 3 }]) {
    await assertRejects(() => writeModel(path, { ...SMALL, ...wrong }, vocabulary), RangeError);
  }
});

Deno.test("texts have the requested number of words and differ by seed", () => {
  const texts = Array.from({ length: 50 }, (_, seed) => benchText(100, seed));
  assertEquals(texts.every((text) => text.split(" ").length === 100), true);
  assertEquals(new Set(texts.map((text) => text.slice(0, 3))).size > 40, true);
});
