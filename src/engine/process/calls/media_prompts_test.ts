import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../errors.ts";
import { type MeasuredPrompt, MediaRuns, type PreparedPrompt } from "../../media/mod.ts";
import type { PromptPart } from "../../protocol/mod.ts";
import {
  MAX_MEDIA_BYTES,
  MAX_MEDIA_PROMPTS,
  MediaPrompts,
  type MediaReader,
} from "./media_prompts.ts";

/** A prompt with an image of some bytes. */
function prompt(bytes = 1): PromptPart[] {
  const image = new Uint8Array(0);
  Object.defineProperty(image, "length", { value: bytes });
  return [{ media: { type: "image", bytes: image, field: "images[0]" } }];
}

const running = () => false;

const measuredOf = (length: number): MeasuredPrompt => ({
  parts: [],
  length,
  [Symbol.dispose]: () => {},
});
const fits = () => {};

/** A reader whose encodings end when they are let to. */
function slowReader(encoded: readonly MeasuredPrompt[] = []) {
  const begun: MeasuredPrompt[] = [];
  const ends: (() => void)[] = [];
  const prepared: PreparedPrompt = { tokens: [1], runs: MediaRuns.NONE };
  const reader: MediaReader = {
    measure: ([part]) => Promise.resolve(measuredOf((part as { text?: string }).text?.length ?? 5)),
    isEncoded: (one) => encoded.some(({ length }) => length === one.length),
    tokensOf: () => [],
    encode: (one) => {
      begun.push(one);
      return new Promise((resolve) => ends.push(() => resolve(prepared)));
    },
  };
  return { reader, begun, ends };
}

const lengths = (prompts: readonly MeasuredPrompt[]) => prompts.map(({ length }) => length).sort();

/** Lets everything that can run do so. */
const settle = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("images are encoded one after the other, and encoded ones at once", async () => {
  const { reader, begun, ends } = slowReader([measuredOf(3)]);
  const prompts = new MediaPrompts();
  const prepare = (text?: string) =>
    prompts.prepare(
      reader,
      { prompt: text === undefined ? prompt() : [{ text, special: false }] },
      fits,
      running,
    );
  const all = [prepare(), prepare(), prepare("abc")];
  await settle();
  assertEquals(lengths(begun), [3, 5]);
  ends.splice(0).forEach((end) => end());
  await settle();
  assertEquals(lengths(begun), [3, 5, 5]);
  ends.forEach((end) => end());
  await Promise.all(all);
});

Deno.test("the images of a prompt that does not fit are not encoded", async () => {
  const { reader, begun } = slowReader();
  const check = (tokens: number) => {
    throw new ShimmyError("context_length", `${tokens} tokens`);
  };
  await assertRejects(
    () => new MediaPrompts().prepare(reader, { prompt: prompt() }, check, running),
    ShimmyError,
    "5 tokens",
  );
  assertEquals(begun, []);
});

Deno.test("a cancelled prompt is told to the reader, and not encoded", async () => {
  const { reader, begun } = slowReader();
  let isEnded = false;
  const asked: boolean[] = [];
  const measure = (_: unknown, __: unknown, ended: () => boolean = running) => {
    asked.push(ended());
    isEnded = true;
    asked.push(ended());
    return Promise.resolve(null);
  };
  const cancelled = { ...reader, measure } as unknown as MediaReader;
  const prepared = await new MediaPrompts().prepare(
    cancelled,
    { prompt: prompt() },
    fits,
    () => isEnded,
  );
  assertEquals([prepared, asked, begun], [null, [false, true], []]);
});

Deno.test("an encoding that fails does not hold up the next one", async () => {
  const { reader } = slowReader();
  let calls = 0;
  const failing: MediaReader = {
    ...reader,
    encode: () => calls++ === 0 ? Promise.reject(new Error("first")) : Promise.resolve(null),
  };
  const prompts = new MediaPrompts();
  const prepare = () => prompts.prepare(failing, { prompt: prompt() }, fits, running);
  const [first, second] = await Promise.allSettled([prepare(), prepare()]);
  assertEquals([first.status, second.status], ["rejected", "fulfilled"]);
});

Deno.test("prompts that wait are bounded in number and bytes", async () => {
  const prompts = new MediaPrompts();
  let end = () => {};
  const waiting = new Promise<void>((resolve) => end = resolve);
  // One prompt alone may be larger.
  prompts.checkRoom(prompt(2 * MAX_MEDIA_BYTES));
  prompts.add(prompt(MAX_MEDIA_BYTES - 10), () => waiting);
  prompts.checkRoom(prompt(10));
  assertThrows(
    () => prompts.checkRoom(prompt(11)),
    ShimmyError,
    "The queue is full: 536870902 bytes of images and sounds are waiting",
  );
  for (let count = 1; count < MAX_MEDIA_PROMPTS; count++) prompts.add([], () => waiting);
  assertThrows(
    () => prompts.checkRoom([]),
    ShimmyError,
    "The queue is full: 64 prompts with images or sounds are waiting",
  );
  end();
  await prompts.idle;
  assertEquals(prompts.count, 0);
  prompts.checkRoom(prompt(11));
});
