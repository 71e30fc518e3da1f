import { assertEquals, assertThrows } from "@std/assert";
import { MEDIA_MARK } from "../../chat/conversation/media.ts";
import { ShimmyError } from "../../errors.ts";
import { soundOfBase64, textWithMedia } from "./sounds.ts";

const bytes = new TextEncoder().encode("hello");

Deno.test("a sound is base64 or a data URL, whatever type it names", () => {
  for (const text of ["aGVsbG8=", "aGVs\nbG8", "data:audio/wav;base64,aGVsbG8="]) {
    assertEquals(soundOfBase64(text, "audio[0]"), { type: "audio", bytes, field: "audio[0]" });
  }
});

Deno.test("other text is refused with the field", () => {
  for (
    const text of ["", "?", "https://example.com/a.wav", "data:audio/wav,abc", "data:;base64,"]
  ) {
    const error = assertThrows(() => soundOfBase64(text, "input_audio.data"), ShimmyError);
    assertEquals(
      [error.field, error.message],
      ["input_audio.data", "input_audio.data: must be a sound in base64"],
    );
  }
});

Deno.test("images are before sounds, and both before the text", () => {
  const { content, media } = textWithMedia(
    "hi",
    { images: ["aGVsbG8="], audio: ["aGVsbG8=", "aGVsbG8="] },
    "messages[1].",
  );
  assertEquals(content, `${MEDIA_MARK.repeat(3)}hi`);
  assertEquals(media?.map(({ type, field }) => [type, field]), [
    ["image", "messages[1].images[0]"],
    ["audio", "messages[1].audio[0]"],
    ["audio", "messages[1].audio[1]"],
  ]);
  assertEquals(textWithMedia("hi", {}), { content: "hi" });
});
