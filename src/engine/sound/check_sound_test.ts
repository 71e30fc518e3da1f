import { assert, assertEquals, assertRejects } from "@std/assert";
import { chord, chunk, flac, id3, mp3, wav, wavFile } from "../../../tests/support/sounds.ts";
import { joined } from "../../../tests/support/pictures.ts";
import { ShimmyError } from "../../errors.ts";
import { checkSound, MAX_SOUND_BYTES } from "./check_sound.ts";

const check = (bytes: Uint8Array<ArrayBuffer>) =>
  checkSound({ type: "audio", bytes, field: "audio[0]" });

const text = (value: string) => new TextEncoder().encode(value);

/** A FLAC file that claims this many samples. */
function claiming(samples: bigint): Uint8Array<ArrayBuffer> {
  const bytes = flac(0.2, chord(1));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(18, view.getBigUint64(18) & ~0xfffffffffn | samples);
  return bytes;
}

Deno.test("sounds of each format are accepted, also behind tags", async () => {
  const files = [wav(0.2, chord(1)), flac(0.2, chord(1)), mp3(0.2, 1)];
  for (const file of files) {
    const own = await check(file);
    assertEquals(await check(joined([id3(100), id3(20), file])), own);
  }
  assertEquals(await check(files[0]!), files[0]!);
  assertEquals(await check(files[1]!), files[1]!);
});

Deno.test("a sound that must not be decoded is refused with its field", async () => {
  const silence = new Uint8Array(3200);
  const cases = [
    [new Uint8Array(MAX_SOUND_BYTES + 1), "has 26214401 bytes; at most 26214400 are allowed"],
    [text("OggS and more"), "is not a WAV, MP3 or FLAC file"],
    [new Uint8Array(), "is not a WAV, MP3 or FLAC file"],
    [text("ID3"), "is not a WAV, MP3 or FLAC file"],
    [wavFile({ encoding: 1, bits: 16, rate: 999 }, silence), "has 999 samples a second"],
    [wavFile({ encoding: 1, bits: 16, channels: 0 }, silence), "has 0 channels"],
    [wavFile({ encoding: 1, bits: 16, channels: 9 }, silence), "has 9 channels; 1 to 8"],
    [wavFile({ encoding: 2, bits: 4 }, silence), "has the encoding 2 with 4 bits; allowed are PCM"],
    [
      wavFile({ encoding: 1, bits: 8, rate: 1000 }, new Uint8Array(1_900_000)),
      "has 1900 seconds; at most 1800 are allowed",
    ],
    [chunk("RIFF", text("WAVEno chunks")), "cannot be decoded: its file is damaged"],
    [text("fLaC"), "cannot be decoded: its file is damaged"],
    [claiming(0n), "does not tell its length"],
    [claiming(2n ** 36n - 1n), "has 4294968 seconds; at most 1800 are allowed"],
  ] as const;
  for (const [bytes, what] of cases) {
    const error = await assertRejects(() => check(bytes as Uint8Array<ArrayBuffer>), ShimmyError);
    assertEquals(error.field, "audio[0]");
    assert(error.message.startsWith(`audio[0]: the sound ${what}`), error.message);
  }
});

Deno.test("a long MP3 file is refused, and its frames are counted", async () => {
  const frame = mp3(0.02, 1);
  const long = joined(Array.from({ length: 70_000 }, () => frame));
  await assertRejects(
    () => check(long),
    ShimmyError,
    "the sound has 1829 seconds; at most 1800 are allowed",
  );
});

Deno.test("frames of MP3 in another file count, because the decoder looks for them", async () => {
  const frame = mp3(0.02, 1);
  const frames = joined(Array.from({ length: 70_000 }, () => frame));
  await assertRejects(
    () => check(joined([flac(0.2, chord(1)), frames])),
    ShimmyError,
    "cannot be decoded: its file is damaged",
  );
});

Deno.test("headers of MP3 that would be looked at for ever are refused", async () => {
  // The free format: each header needs a search for the next one of the same stream.
  const lone = new Uint8Array([0xff, 0xfb, 0x00, 0xc4, 0xff, 0xfb, 0x04, 0xc4]);
  const bytes = new Uint8Array(2_000_000);
  for (let at = 0; at < bytes.length; at += 4000) bytes.set(lone, at);
  bytes.fill(0xff);
  for (let at = 0; at < bytes.length; at += 4000) bytes.set(lone.subarray(0, 4), at);
  await assertRejects(() => check(bytes), ShimmyError, "audio[0]: the sound ");
});

Deno.test("a WAV file gets a true length and no other chunks", async () => {
  const samples = new Uint8Array(wav(0.2, chord(1)).subarray(44));
  const plain = wavFile({ encoding: 1, bits: 16 }, samples);
  const odd = wavFile({
    encoding: 1,
    bits: 16,
    before: [chunk("LIST", new Uint8Array(8)), chunk("junk", new Uint8Array(2))],
    claimed: 0xffffffff,
  }, samples);
  assertEquals(await check(odd), plain);
  // Half a frame at the end is left out.
  assertEquals(
    await check(wavFile({ encoding: 1, bits: 16 }, joined([samples, text("x")]))),
    plain,
  );
});

Deno.test("the number of frames that an MP3 file claims is corrected if it is too large", async () => {
  const honest = mp3(0.2, 1, { claimed: 8 });
  assertEquals(await check(honest), honest);
  const [claimed] = [mp3(0.2, 1, { claimed: 4_000_000_000 })];
  const read = await check(claimed);
  assertEquals(new DataView(read.buffer).getUint32(29), 8);
});

Deno.test("decoders may read behind the end of the result", async () => {
  for (const file of [wav(0.2, chord(1)), flac(0.2, chord(1)), mp3(0.2, 1)]) {
    const { buffer, byteOffset, length } = await check(file);
    assert(buffer.byteLength - byteOffset - length >= 4096);
  }
});
