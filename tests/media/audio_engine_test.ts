import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { SequenceEvent } from "../../src/engine/protocol/mod.ts";
import { ShimmyError } from "../../src/errors.ts";
import { AUDIO_TOWERS, audioRows } from "../models/audio_towers.ts";
import { collect } from "../support/engine.ts";
import { pattern, png } from "../support/pictures.ts";
import { chord, flac, mp3, wav, wavFile } from "../support/sounds.ts";
import { withAudioModel } from "./audio_setup.ts";
import { listen, look, MEDIA_FOLDER, mediaEngine, withModel } from "./setup.ts";

const options = { ignore: MEDIA_FOLDER === null };

const first = wav(1, chord(1));
const second = wav(1, chord(4));

/** The error with which a sequence ends. */
function errorOf(events: AsyncIterable<SequenceEvent>): Promise<ShimmyError> {
  return assertRejects(() => collect(events), ShimmyError);
}

for (const kind of AUDIO_TOWERS) {
  Deno.test(
    `${kind}: an answer depends on the samples of a sound, not on its file`,
    options,
    () =>
      withAudioModel(kind, async (files) => {
        await using engine = await mediaEngine(files);
        const ask = (sound: Uint8Array<ArrayBuffer>) =>
          collect(engine.generate(listen(["once there", sound, " was"], { cachePrompt: false })));
        const one = await ask(wav(12, chord(1)));
        const other = await ask(wav(12, chord(6)));
        const same = await ask(flac(12, chord(1)));
        assertNotEquals(one.tokens, other.tokens);
        assertEquals(same.tokens, one.tokens);
        const { audioTokens, audioSeconds } = one.done.usage;
        assertEquals([audioTokens, audioSeconds], [audioRows(kind), 12]);
        assert(one.done.timings.mediaMs! > 0);
      }),
  );

  Deno.test(
    `${kind}: a second question computes neither the sound nor its prompt`,
    options,
    () =>
      withAudioModel(kind, async (files) => {
        await using engine = await mediaEngine(files);
        const ask = (end: string, cachePrompt: boolean) =>
          collect(engine.generate(listen(["once there", first, " was", end], { cachePrompt })));
        const cold = await ask(" a man", false);
        await ask(" a dog", true);
        const warm = await ask(" a man", true);
        assertEquals(warm.tokens, cold.tokens);
        const { promptTokens, cachedTokens, audioSeconds } = warm.done.usage;
        assert(cachedTokens > promptTokens - 8, `${cachedTokens} of ${promptTokens} are cached`);
        assertEquals(audioSeconds, 1);
      }),
  );
}

Deno.test(
  "sounds and texts of several sequences do not mix",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using engine = await mediaEngine(files);
      const requests = [
        listen([first, "one"]),
        listen(["a text without a sound"]),
        listen(["two", second, "and", first, "three"]),
      ].map((request) => ({ ...request, cachePrompt: false }));
      const alone = [];
      for (const request of requests) alone.push((await collect(engine.generate(request))).tokens);
      const together = await Promise.all(requests.map((one) => collect(engine.generate(one))));
      assertEquals(together.map(({ tokens }) => tokens), alone);
    }),
);

Deno.test(
  "a sound of more than 30 seconds has rows for each of them",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using engine = await mediaEngine(files);
      const { done } = await collect(engine.generate(listen([wav(31, chord(1)), "one"])));
      assertEquals(done.usage.audioTokens, 2 * audioRows("ultravox"));
      assertEquals(done.usage.audioSeconds, 31);
    }),
);

Deno.test(
  "sounds of each format, rate and number of channels are read",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using engine = await mediaEngine(files);
      const stereo = { rate: 44_100, channels: 2 };
      const floats = new Uint8Array(
        Float32Array.from({ length: 8000 }, (_, at) => chord(2)(at / 8000)).buffer,
      );
      const sounds = [
        wav(0.5, chord(1), stereo),
        flac(0.5, chord(1), stereo),
        mp3(0.5, 1),
        mp3(0.5, 1, { claimed: 20 }),
        wavFile({ encoding: 3, bits: 32, rate: 8000 }, floats),
        wavFile({ encoding: 7, bits: 8, rate: 8000 }, new Uint8Array(4000).fill(0x55)),
      ];
      for (const sound of sounds) {
        const { done } = await collect(engine.generate(listen([sound, "one"])));
        const seconds = done.usage.audioSeconds!;
        assert(Math.abs(seconds - 0.5) < 0.6, `${seconds} seconds`);
      }
    }),
);

Deno.test(
  "damaged sounds are refused with their field, and others are answered",
  options,
  () =>
    withAudioModel("ultravox", async (files) => {
      await using engine = await mediaEngine(files);
      const none = new Uint8Array(Float32Array.from({ length: 16_000 }, () => NaN).buffer);
      const broken = flac(0.5, chord(1)).subarray(0, 60).slice();
      for (
        const [bytes, what] of [
          [png(4, 4, pattern(1)), "is not a WAV, MP3 or FLAC file"],
          [broken, "cannot be decoded: its file is damaged"],
          [wavFile({ encoding: 3, bits: 32 }, none), "cannot be decoded: its file is damaged"],
          [wav(0.05, chord(1)), "has 0.05 seconds; at least 0.1 are needed"],
          [wavFile({ encoding: 1, bits: 16 }, new Uint8Array(2)), "has 0 seconds; at least 0.1"],
        ] as const
      ) {
        const error = await errorOf(engine.generate(listen(["a", bytes, "b"])));
        assertEquals([error.kind, error.field], ["invalid", "prompt[1]"]);
        assert(error.message.startsWith(`prompt[1]: the sound ${what}`), error.message);
      }
      assertEquals((await collect(engine.generate(listen(["a", first, "b"])))).tokens.length, 16);
    }),
);

Deno.test(
  "images and sounds are refused by models that do not read them, also if they are known",
  options,
  async () => {
    await withAudioModel("ultravox", async (files) => {
      await using engine = await mediaEngine(files);
      assertEquals(engine.info.media, { vision: false, audio: true, refusal: null });
      await collect(engine.generate(listen([first, "one"])));
      const error = await errorOf(engine.generate(look([first, "one"])));
      assertEquals(
        error.message,
        "prompt[0]: the model reads no images: its projector has no encoder for it",
      );
    });
    await withModel("mlp", async (files) => {
      await using engine = await mediaEngine(files);
      assertEquals(engine.info.media, { vision: true, audio: false, refusal: null });
      const error = await errorOf(engine.generate(listen([first, "one"])));
      assertEquals(
        error.message,
        "prompt[0]: the model reads no audio: its projector has no encoder for it",
      );
    });
  },
);
