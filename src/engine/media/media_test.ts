import { assert, assertEquals, assertRejects } from "@std/assert";
import { pattern, png } from "../../../tests/support/pictures.ts";
import { chord, wav } from "../../../tests/support/sounds.ts";
import type { DecodedHooks, MediaChunk, MediaContext } from "../../../ffi/mod.ts";
import { ShimmyError } from "../../errors.ts";
import type { PromptPart } from "../protocol/mod.ts";
import type { Tokenizer } from "../tokenizer/mod.ts";
import { Media, type MediaOptions } from "./media.ts";
import { MediaNumbers } from "./media_numbers.ts";

const BOS = 1;
/** Values of an embedding of the fake encoder. */
const WIDTH = 4;

/** What a test changes of the fake encoder. */
interface Fake {
  readonly isNonCausal?: boolean;
  /** Rows of a part of an image, of which each image has two. Default 3. */
  readonly rows?: number;
  /** Positions of a part. Default: one for each row. */
  readonly positions?: number;
  readonly value?: number;
  readonly onEncode?: () => void;
  /** What the decoding of a file waits for. */
  readonly onPrepare?: () => Promise<void>;
  readonly options?: Partial<MediaOptions>;
}

/** Media with an encoder that counts its work, and whose texts have a token for each character. */
function fakeMedia(fake: Fake = {}) {
  const { rows = 3, positions = rows, value = 0.5, isNonCausal = false } = fake;
  const done = { prepared: 0, encoded: 0 };
  const open = { chunks: 0 };
  const decoding = { now: 0, most: 0 };
  const part = (index: number): MediaChunk => ({
    type: "rows",
    index,
    rows,
    positions,
    isNonCausal,
  });
  const chunks = () => (open.chunks++, {
    // Between the parts, one token and one that the vocabulary lacks.
    list: [part(0), { type: "tokens", tokens: [9, -1] }, part(2)],
    gridPositions: (_: number, start: number) => new Int32Array(4 * rows).fill(start),
    [Symbol.dispose]: () => void open.chunks--,
  });
  const context = {
    width: WIDTH,
    vision: true,
    audio: true,
    usesMrope: positions !== rows,
    measure: () => Promise.resolve(chunks()),
    prepare: async (_: unknown, { checkSamples }: DecodedHooks = {}) => {
      done.prepared++;
      decoding.most = Math.max(decoding.most, ++decoding.now);
      await new Promise((resolve) => setTimeout(resolve, 0));
      await fake.onPrepare?.();
      await checkSamples?.(new Float32Array(3200), 16_000);
      decoding.now--;
      return chunks();
    },
    encode: () => {
      done.encoded++;
      fake.onEncode?.();
      return Promise.resolve(new Float32Array(rows * WIDTH).fill(value));
    },
  };
  const tokenizer = {
    encodeAsync: ([one]: readonly PromptPart[]) =>
      Promise.resolve([...(one as { text: string }).text].map((letter) => letter.charCodeAt(0))),
    withBegin: (tokens: number[], addSpecial: boolean) =>
      addSpecial && tokens[0] !== BOS ? [BOS, ...tokens] : tokens,
  };
  const media = new Media(
    context as unknown as MediaContext,
    tokenizer as unknown as Tokenizer,
    new MediaNumbers("encoder"),
    { maxWholeRows: 8, ...fake.options },
  );
  return { media, done, decoding, open };
}

const text = (content: string) => ({ text: content, special: true });
const image = (seed: number) => ({
  media: { type: "image", bytes: png(4, 4, pattern(seed)), field: `images[${seed}]` } as const,
});
const sound = (seed: number) => ({
  media: { type: "audio", bytes: wav(0.2, chord(seed)), field: `audio[${seed}]` } as const,
});
const running = () => false;

Deno.test("a prompt is counted without reading the pixels of its images", async () => {
  const { media, done } = fakeMedia();
  const measured = await media.measure([text("ab"), image(1), text("c")], true);
  // The token at the begin, three letters, twice three rows and a token between them.
  assertEquals(measured.length, 1 + 3 + 6 + 1);
  assertEquals(media.tokensOf(measured), [1, 97, 98, -2, -4, -6, 9, -10, -12, -14, 99]);
  assertEquals(done, { prepared: 0, encoded: 0 });
});

Deno.test("rows are at the places that the tokens have", async () => {
  const { media, done } = fakeMedia();
  const measured = await media.measure([image(1), text("a"), image(1), text("b")], true);
  const { tokens, runs } = (await media.encode(measured, 0, running))!;
  assertEquals(tokens.map((_, at) => runs.isRow(at)), tokens.map((token) => token < 0));
  // Each image has two parts, and the second image is the first one again.
  assertEquals([tokens[1], tokens[5], tokens[9], tokens[13]], [-2, -10, -2, -10]);
  assertEquals([1, 5, 9, 13].map((at) => [...runs.rowsAt(at, 1).positions]), [[1], [5], [9], [13]]);
  assertEquals(done, { prepared: 1, encoded: 2 });
});

Deno.test("with M-RoPE the last rows of an image move the position", async () => {
  const { media } = fakeMedia({ rows: 3, positions: 2 });
  const measured = await media.measure([image(1), text("a")], false);
  const { tokens, runs } = (await media.encode(measured, 0, running))!;
  assertEquals(tokens, [-3, -4, -6, 9, -11, -12, -14, 97]);
  assertEquals([0, 3, 4, 7].map((at) => runs.positionAt(at)), [0, 2, 3, 5]);
  assertEquals([...runs.rowsAt(4, 8).positions], Array(12).fill(3));
});

Deno.test("an image is encoded once, also for later prompts", async () => {
  const { media, done } = fakeMedia();
  const measured = await media.measure([image(1), text("a")], false);
  assertEquals(media.isEncoded(measured), false);
  (await media.encode(measured, 0, running))!.runs.release();
  assertEquals(media.isEncoded(measured), true);
  await media.encode(measured, 0, running);
  assertEquals(done, { prepared: 1, encoded: 2 });
  const { encoded, reused, bytes, encodeMs } = media.status;
  assertEquals([encoded, reused, bytes], [1, 1, 2 * 3 * WIDTH * 4]);
  assert(encodeMs > 0);
});

Deno.test("a cancellation is seen between two parts of an image", async () => {
  let isEnded = false;
  const { media, done } = fakeMedia({ onEncode: () => isEnded = true });
  const measured = await media.measure([image(1), image(2), text("a")], false);
  assertEquals(await media.encode(measured, 0, () => isEnded), null);
  assertEquals(done, { prepared: 1, encoded: 1 });
  assertEquals(media.isEncoded(measured), false);
});

Deno.test("images that have no room beside those of other requests are refused", async () => {
  const { media } = fakeMedia({ options: { maxHeldBytes: 250 } });
  const measured = (seed: number) => media.measure([image(seed), text("a")], false);
  // Twice three rows of 16 bytes each.
  const first = (await media.encode(await measured(1), 0, running))!;
  const second = (await media.encode(await measured(2), 0, running))!;
  const refused = async () => await media.encode(await measured(3), 0, running);
  assertEquals((await assertRejects(refused, ShimmyError)).kind, "overloaded");
  // The same image takes no more.
  const again = (await media.encode(await measured(2), 0, running))!;
  first.runs.release();
  assertEquals((await refused())!.tokens.length, 8);
  second.runs.release();
  again.runs.release();
});

Deno.test("a single prompt may have more images than several together", async () => {
  const { media } = fakeMedia({ options: { maxHeldBytes: 10 } });
  const measured = await media.measure([image(1), image(2), text("a")], false);
  assertEquals((await media.encode(measured, 0, running))!.tokens.length, 15);
});

Deno.test("rows that must be in one batch are refused before they are encoded", async () => {
  const { media } = fakeMedia({ isNonCausal: true, rows: 9 });
  await assertRejects(
    () => media.measure([text("a"), image(1)], false),
    ShimmyError,
    "images[1]: the image takes 9 rows, which must be in one batch of at most 8",
  );
});

Deno.test("values that are not numbers are refused", async () => {
  for (const value of [NaN, Infinity]) {
    const { media } = fakeMedia({ value });
    const measured = await media.measure([image(1), text("a")], false);
    const error = await assertRejects(() => media.encode(measured, 0, running), ShimmyError);
    assertEquals([error.kind, media.isEncoded(measured)], ["backend", false]);
  }
});

Deno.test("a prompt that ends with an image is refused before the image is read", async () => {
  const { media, done } = fakeMedia();
  const measured = await media.measure([text("a"), image(1)], false);
  await assertRejects(
    () => media.encode(measured, 0, running),
    ShimmyError,
    "prompt: must not end with an image",
  );
  assertEquals(done, { prepared: 0, encoded: 0 });
});

Deno.test("the rows of a sound are counted by decoding it, once", async () => {
  const { media, done } = fakeMedia();
  const prompt = [sound(1), text("a"), sound(1), sound(2), text("b")];
  assertEquals((await media.measure(prompt, false)).length, 3 * 7 + 2);
  assertEquals(done.prepared, 2);
  using measured = await media.measure(prompt, false);
  assertEquals(done.prepared, 2);
  const { runs } = (await media.encode(measured, 0, running))!;
  // The first prompt, which was only counted, has the decoded sounds.
  assertEquals(done, { prepared: 4, encoded: 4 });
  assertEquals(runs.usage, { audioTokens: 18, audioSeconds: 3 * 0.2 });
  runs.release();
});

Deno.test("a new sound is decoded once, to be counted and encoded", async () => {
  const { media, done, open } = fakeMedia();
  {
    using measured = await media.measure([sound(1), text("a"), sound(2), text("b")], false);
    assertEquals([done.prepared, open.chunks], [2, 2]);
    (await media.encode(measured, 0, running))!.runs.release();
    assertEquals([done, open.chunks], [{ prepared: 2, encoded: 4 }, 0]);
  }
  assertEquals(open.chunks, 0);
});

Deno.test("a decoded sound that has no room is decoded again", async () => {
  // A sound of 0.2 seconds has 3,200 samples and two parts.
  const { media, done, open } = fakeMedia({
    options: { maxDecodedBytes: 3200 * 8 + 2 * 3 * 2 ** 20 },
  });
  using measured = await media.measure([sound(1), text("a"), sound(2), text("b")], false);
  assertEquals([done.prepared, open.chunks], [2, 1]);
  (await media.encode(measured, 0, running))!.runs.release();
  assertEquals([done, open.chunks], [{ prepared: 3, encoded: 4 }, 0]);
});

Deno.test("a prompt that is cancelled while it is measured decodes no other sounds", async () => {
  const { media, done, open } = fakeMedia();
  const prompt = [...[1, 2, 3].map(sound), text("a")];
  const isEnded = () => done.prepared > 0;
  assertEquals(await media.measure(prompt, false, isEnded), null);
  assertEquals([done.prepared, open.chunks], [1, 0]);
  (await media.measure([sound(2), text("a")], false, running))![Symbol.dispose]();
  assertEquals([done.prepared, open.chunks], [2, 0]);
});

Deno.test("a prompt that is cancelled while it waits for the decoder decodes nothing", async () => {
  const decoding = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const onPrepare = () => (decoding.resolve(), held.promise);
  const { media, done, open } = fakeMedia({ onPrepare });
  const first = media.measure([sound(1), text("a")], false);
  await decoding.promise;
  let isEnded = false;
  const second = media.measure([sound(2), text("a")], false, () => isEnded);
  // Time enough to come to the decoder.
  await new Promise((resolve) => setTimeout(resolve, 20));
  isEnded = true;
  held.resolve();
  (await first)[Symbol.dispose]();
  assertEquals(await second, null);
  assertEquals([done.prepared, open.chunks], [1, 0]);
});

Deno.test("decoded sounds of prompts that are not computed are freed", async () => {
  const { media, open } = fakeMedia({ isNonCausal: true });
  (await media.measure([sound(1), text("a")], false))[Symbol.dispose]();
  assertEquals(open.chunks, 0);
  const broken = { media: { type: "audio", bytes: new Uint8Array(9), field: "audio[1]" } } as const;
  await assertRejects(() => media.measure([sound(2), broken, text("a")], false), ShimmyError);
  assertEquals(open.chunks, 0);
  using cancelled = await media.measure([sound(3), text("a")], false);
  assertEquals(open.chunks, 1);
  assertEquals(await media.encode(cancelled, 0, () => true), null);
  cancelled[Symbol.dispose]();
  assertEquals(open.chunks, 0);
});

Deno.test("files of several prompts are decoded one after the other", async () => {
  const { media, decoding } = fakeMedia();
  const measured = await media.measure([image(1), text("a")], false);
  await Promise.all([
    media.encode(measured, 0, running),
    ...[1, 2, 3].map((seed) => media.measure([sound(seed), text("a")], false)),
  ]);
  assertEquals(decoding, { now: 0, most: 1 });
});

Deno.test("images and sounds are counted apart", async () => {
  const { media } = fakeMedia();
  const measured = await media.measure([image(1), text("a"), sound(1), text("b")], false);
  const { runs } = (await media.encode(measured, 0, running))!;
  assertEquals(runs.usage, { audioTokens: 6, audioSeconds: 0.2 });
  runs.release();
  const pictures = await media.measure([image(1), text("b")], false);
  assertEquals((await media.encode(pictures, 0, running))!.runs.usage, {});
});
