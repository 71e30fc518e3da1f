import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { SequenceEvent } from "../../src/engine/protocol/mod.ts";
import { ShimmyError } from "../../src/errors.ts";
import { TOWERS } from "../models/towers.ts";
import { collect, TINY } from "../support/engine.ts";
import { bmp, pattern, png } from "../support/pictures.ts";
import { look, MEDIA_FOLDER, mediaEngine, type MediaModel, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

if (MEDIA_FOLDER === null) {
  const why =
    "images are not tested without libmtmd: run `deno task build:mtmd`, or set SHIMMY_MTMD";
  Deno.test.ignore(why, () => {});
}

const first = png(40, 30, pattern(1));
const second = png(40, 30, pattern(2));
const large = png(90, 60, pattern(4));
/** Its header is whole, and its compressed pixels are not. */
const damaged = first.slice();
damaged.fill(0, 60, 90);

/** The error with which a sequence ends. */
function errorOf(events: AsyncIterable<SequenceEvent>): Promise<ShimmyError> {
  return assertRejects(() => collect(events), ShimmyError);
}

for (const kind of TOWERS) {
  Deno.test(
    `${kind}: an answer depends on the pixels of the image, not on its file`,
    options,
    () =>
      withModel(kind, async (files) => {
        await using engine = await mediaEngine(files);
        const ask = (image: Uint8Array<ArrayBuffer>) =>
          collect(engine.generate(look(["once there", image, " was"])));
        const answers = [await ask(first), await ask(second), await ask(bmp(40, 30, pattern(1)))];
        assertNotEquals(answers[0]!.tokens, answers[1]!.tokens);
        assertEquals(answers[2]!.tokens, answers[0]!.tokens);
        assert(answers[0]!.done.usage.promptTokens > 10);
        assert(answers[0]!.done.timings.mediaMs! > 0);
      }),
  );

  Deno.test(
    `${kind}: a second question computes neither the image nor its prompt`,
    options,
    () =>
      withModel(kind, async (files) => {
        await using engine = await mediaEngine(files);
        const ask = (end: string, cachePrompt: boolean) =>
          collect(engine.generate(look(["once there", first, " was", end], { cachePrompt })));
        const cold = await ask(" a man", false);
        await ask(" a dog", true);
        const warm = await ask(" a man", true);
        assertEquals(warm.tokens, cold.tokens);
        const { promptTokens, cachedTokens } = warm.done.usage;
        assert(cachedTokens > promptTokens - 8, `${cachedTokens} of ${promptTokens} are cached`);
      }),
  );

  Deno.test(
    `${kind}: images and texts of several sequences do not mix`,
    options,
    () =>
      withModel(kind, async (files) => {
        await using engine = await mediaEngine(files);
        const requests = [
          look([first, "one"]),
          look(["a text without an image"]),
          look(["two", second, "and", first, "three"]),
          look([second, "one"]),
        ];
        const alone = [];
        for (const request of requests) {
          alone.push((await collect(engine.generate({ ...request, cachePrompt: false }))).tokens);
        }
        const together = await Promise.all(
          requests.map((request) => collect(engine.generate({ ...request, cachePrompt: false }))),
        );
        assertEquals(together.map(({ tokens }) => tokens), alone);
      }),
  );
}

for (const kind of TOWERS) {
  Deno.test(
    `${kind}: the tokens of a prompt are counted without reading its pixels`,
    options,
    () =>
      withModel(kind, async (files) => {
        await using engine = await mediaEngine(files);
        const count = (image: Uint8Array<ArrayBuffer>) =>
          engine.countTokens(look(["one", image, "two", large, "three"]).prompt, true);
        const { done } = await collect(
          engine.generate(look(["one", first, "two", large, "three"], { maxTokens: 1 })),
        );
        assertEquals(await count(first), done.usage.promptTokens);
        assertEquals(await count(damaged), done.usage.promptTokens);
      }),
  );

  Deno.test(
    `${kind}: a rewound answer to an image goes on as before`,
    options,
    () =>
      withModel(kind, async (files) => {
        await using engine = await mediaEngine(files, { streamInterval: 0 });
        const request = look(["once there", large, "was"], { maxTokens: 300, ignoreEos: true });
        const plain = await collect(engine.generate(request));
        const run = engine.generate(request);
        const tokens: number[] = [];
        let isRewound = false;
        for await (const event of run) {
          if (event.type === "token") tokens.push(event.token);
          if (event.type === "rewind") tokens.length = event.keep;
          if (tokens.length < 8 || isRewound) continue;
          isRewound = true;
          assertEquals(await run.edit({ keep: 3 }), 3);
        }
        assertEquals(tokens, plain.tokens);
      }),
  );
}

for (const kind of ["mlp", "qwen2vl"] as const) {
  Deno.test(
    `${kind}: rows in several batches give the same answer`,
    options,
    () =>
      withModel(kind, async (files) => {
        const request = look(["once there", large, " was"]);
        await using whole = await mediaEngine(files);
        await using cut = await mediaEngine(files, { batchSize: 8 });
        const expected = await collect(whole.generate(request));
        assertEquals((await collect(cut.generate(request))).tokens, expected.tokens);
      }),
  );
}

Deno.test(
  "rows that must be in one batch are refused if it is smaller",
  options,
  () =>
    withModel("gemma3", async (files) => {
      await using engine = await mediaEngine(files, { batchSize: 8 });
      assertEquals(
        (await errorOf(engine.generate(look(["a", first, "b"])))).message,
        "prompt[1]: the image takes 16 rows, which must be in one batch of at most 8",
      );
    }),
);

for (const kind of ["mlp", "qwen2vl"] as const) {
  Deno.test(
    `${kind}: with a shared KV buffer, answers go on while an image is computed`,
    options,
    () => withModel(kind, answersTogether),
  );
}

async function answersTogether(files: MediaModel): Promise<void> {
  await using engine = await mediaEngine(files, { kvUnified: true });
  const text = look(["a text without an image"], { maxTokens: 40, cachePrompt: false });
  const image = look([second, "one", first, "two"], { cachePrompt: false });
  const alone = [
    await collect(engine.generate(text)),
    await collect(engine.generate(image)),
  ];
  const together = await Promise.all([text, image].map((one) => collect(engine.generate(one))));
  assertEquals(together.map(({ tokens }) => tokens), alone.map(({ tokens }) => tokens));
}

Deno.test(
  "a damaged image is refused with its field, and others are answered",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      for (
        const [bytes, what] of [
          [damaged, "cannot be decoded: its file is damaged"],
          [new TextEncoder().encode("<svg/>"), "is not a PNG, JPEG, WebP, GIF or BMP file"],
        ] as const
      ) {
        const error = await errorOf(
          engine.generate(look(["a", bytes as Uint8Array<ArrayBuffer>, "b"])),
        );
        assertEquals([error.kind, error.field], ["invalid", "prompt[1]"]);
        assertEquals(error.message, `prompt[1]: the image ${what}`);
      }
      assertEquals((await collect(engine.generate(look(["a", first, "b"])))).tokens.length, 16);
    }),
);

Deno.test(
  "an image of a prompt that does not fit the context is not read",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files, { contextLength: 64 });
      const words = "a text that is too long for the context ".repeat(10);
      const error = await errorOf(engine.generate(look([words, damaged, "b"])));
      assertEquals(error.kind, "context_length");
      assertEquals(error.overflow?.contextLength, 64);
    }),
);

Deno.test(
  "texts do not wait for images that are read",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      const ended: string[] = [];
      const end = (name: string) => () => void ended.push(name);
      const images = [1, 2, 3, 4, 5, 6].map((seed) => png(1200, 1200, pattern(seed)));
      const long = [{ text: "a long text that is tokenized ".repeat(800), special: false }];
      await Promise.all([
        collect(engine.generate(look([...images, "b"]))).then(end("images")),
        engine.countTokens(long, true).then(end("count")),
        errorOf(engine.generate({ ...look([]), prompt: long })).then(end("long")),
        collect(engine.generate(look(["a text"], { maxTokens: 1 }))).then(end("short")),
      ]);
      assertEquals(ended.at(-1), "images");
    }),
);

Deno.test(
  "the context leaves room for the projector",
  options,
  () =>
    withModel("mlp", async (files) => {
      const { size } = await Deno.stat(files.model);
      const limits = {
        contextLength: 0,
        kvUnified: "auto",
        memoryLimit: 2 ** 29 + size + 4 * 2 ** 20,
      } as const;
      await using beside = await mediaEngine(files, limits);
      await using alone = await mediaEngine(files, { ...limits, projector: undefined });
      const [less, more] = [beside.info.shape!.kvBytes, alone.info.shape!.kvBytes];
      assert(less < more, `${less} bytes of KV cache, ${more} without a projector`);
    }),
);

Deno.test(
  "a projector for another width of embeddings is refused, and the model loads without it",
  options,
  () =>
    withModel("mlp", async (files) => {
      const narrow = { ...files, model: TINY };
      const projector = { path: files.projector, offload: false, isOptional: true };
      await using engine = await mediaEngine(narrow, { projector });
      assertEquals(engine.info.media?.vision, false);
      assert(
        engine.info.notes.some((note) => note.includes("Cannot load projector 'mmproj.gguf'")),
      );
      assertEquals((await errorOf(engine.generate(look(["a", first, "b"])))).kind, "invalid");
      const needed = { projector: { ...projector, isOptional: false } };
      await assertRejects(() => mediaEngine(narrow, needed), ShimmyError, "Cannot load projector");
    }),
);

Deno.test(
  "what does not work with images is refused by name",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      const scored = look(["a", first, "b"], { promptLogprobs: 0 });
      const error = await errorOf(engine.generate(scored));
      assertEquals([error.kind, error.field], ["invalid", "prompt_logprobs"]);
      const end = await errorOf(engine.generate(look(["a", first])));
      assertEquals(end.message, "prompt: must not end with an image or a sound");
    }),
);

Deno.test(
  "a request that is cancelled while its image is read ends",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      const run = engine.generate(
        look(["a", png(2000, 2000, pattern(3)), "b"], { maxTokens: 400 }),
      );
      run.control({ type: "cancel" });
      assertEquals((await collect(run)).done.finishReason, "cancelled");
      assertEquals((await collect(engine.generate(look(["c"])))).tokens.length, 16);
    }),
);

Deno.test(
  "speculation is off with images, and the answers are the same",
  options,
  () =>
    withModel("mlp", async (files) => {
      const request = look(["the man the man the man", first, "the man the man"], {
        maxTokens: 40,
      });
      await using plain = await mediaEngine(files);
      await using drafting = await mediaEngine(files, { lookup: true });
      const expected = await collect(plain.generate(request));
      const { tokens, done } = await collect(drafting.generate(request));
      assertEquals([tokens, done.timings.draftedTokens], [expected.tokens, 0]);
    }),
);

Deno.test("a model tells what it reads", options, () =>
  withModel("mlp", async (files) => {
    await using engine = await mediaEngine(files);
    assertEquals(engine.info.media, { vision: true, audio: false, refusal: null });
    await using without = await mediaEngine(files, { projector: undefined });
    assertEquals(without.info.media, undefined);
  }));
