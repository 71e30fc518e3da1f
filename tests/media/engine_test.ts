import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { SequenceEvent } from "../../src/engine/protocol/mod.ts";
import { ShimmyError } from "../../src/errors.ts";
import { TOWERS } from "../models/towers.ts";
import { collect } from "../support/engine.ts";
import { bmp, pattern, png } from "../support/pictures.ts";
import { look, MEDIA_FOLDER, mediaEngine, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

const first = png(40, 30, pattern(1));
const second = png(40, 30, pattern(2));

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

Deno.test(
  "rows in several batches give the same answer",
  options,
  () =>
    withModel("mlp", async (files) => {
      const request = look(["once there", first, " was"]);
      await using whole = await mediaEngine(files);
      await using cut = await mediaEngine(files, { batchSize: 8 });
      const expected = await collect(whole.generate(request));
      assertEquals((await collect(cut.generate(request))).tokens, expected.tokens);
    }),
);

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

Deno.test(
  "with a shared KV buffer, answers go on while an image is computed",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files, { kvUnified: true });
      const text = look(["a text without an image"], { maxTokens: 40, cachePrompt: false });
      const image = look([second, "one", first, "two"], { cachePrompt: false });
      const alone = [
        await collect(engine.generate(text)),
        await collect(engine.generate(image)),
      ];
      const together = await Promise.all([text, image].map((one) => collect(engine.generate(one))));
      assertEquals(together.map(({ tokens }) => tokens), alone.map(({ tokens }) => tokens));
    }),
);

Deno.test(
  "a damaged image is refused with its field, and others are answered",
  options,
  () =>
    withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      const damaged = first.slice();
      // Inside of the compressed pixels.
      damaged.fill(0, 60, 90);
      for (
        const [bytes, what] of [
          [damaged, "cannot be decoded: its file is damaged"],
          [new TextEncoder().encode("<svg/>"), "is not a PNG, JPEG, GIF or BMP file"],
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
  "what does not work with images is refused by name",
  options,
  () =>
    withModel("mlp", async (files) => {
      const folder = await Deno.makeTempDir();
      try {
        await using engine = await mediaEngine(files, { sessionFolder: folder });
        for (
          const [changes, field] of [
            [{ session: "s" }, "session"],
            [{ promptLogprobs: 0 }, "prompt_logprobs"],
            [{ trace: true }, "receipt"],
          ] as const
        ) {
          const error = await errorOf(engine.generate(look(["a", first, "b"], changes)));
          assertEquals([error.kind, error.field], ["invalid", field]);
        }
        const end = await errorOf(engine.generate(look(["a", first])));
        assertEquals(end.message, "prompt: must not end with an image");
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
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
    assertEquals(engine.info.media, { vision: true, refusal: null });
    await using without = await mediaEngine(files, { projector: undefined });
    assertEquals(without.info.media, undefined);
  }));
