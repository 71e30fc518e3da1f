import { assertEquals } from "@std/assert";
import { transcriptText } from "./transcript.ts";
import { NO_TIMINGS } from "../../../../engine/protocol/event.ts";

const done = {
  type: "done",
  finishReason: "stop",
  stopString: null,
  usage: {
    promptTokens: 9,
    completionTokens: 2,
    cachedTokens: 0,
    audioTokens: 5,
    audioSeconds: 3723.0456,
  },
  timings: NO_TIMINGS,
} as const;

const cue = (text: string, format: "srt" | "vtt") =>
  transcriptText({ task: "transcribe", language: null, text, done }, format);

Deno.test("a cue lasts as long as the sound", () => {
  assertEquals(cue("Hi", "srt"), "1\n00:00:00,000 --> 01:02:03,046\nHi\n\n");
  assertEquals(cue("Hi", "vtt"), "WEBVTT\n\n00:00:00.000 --> 01:02:03.046\nHi\n\n");
});

Deno.test("a text cannot end its cue", () => {
  const text = "a <b>\n\n2\n00:00 --> 00:01\n\nc & d";
  assertEquals(cue(text, "srt").split("\n\n"), [
    "1\n00:00:00,000 --> 01:02:03,046\na <b>\n2\n00:00 -> 00:01\nc & d",
    "",
  ]);
  assertEquals(
    cue(text, "vtt").split("\n\n")[1],
    "00:00:00.000 --> 01:02:03.046\na &lt;b&gt;\n2\n00:00 -&gt; 00:01\nc &amp; d",
  );
});
