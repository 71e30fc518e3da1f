/** Sounds in the requests of official clients, to a model that hears. They need libmtmd. */
import { assertEquals } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { fileURLToPath } from "node:url";
import OpenAI from "test:openai";
import { SEEING, visionTest } from "./vision_server.ts";

const NAME = "two-high-tones-and-a-low-tone";
const HEARD = "I hear two high tones and a low tone.";

const sound = await Deno.readFile(
  fileURLToPath(new URL(`../sounds/${NAME}.wav`, import.meta.url)),
);

const clientOf = (url: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });

visionTest("openai: a sound in a chat completion", async (url) => {
  const { choices, usage } = await clientOf(url).chat.completions.create({
    model: SEEING,
    temperature: 0,
    messages: [{
      role: "user",
      content: [
        { type: "input_audio", input_audio: { data: encodeBase64(sound), format: "wav" } },
        { type: "text", text: "What do you hear?" },
      ],
    }],
  });
  assertEquals(choices[0]!.message.content, HEARD);
  assertEquals(usage!.prompt_tokens_details!.audio_tokens, 13);
});

visionTest("openai: a sound is transcribed", async (url) => {
  const file = new File([sound], `${NAME}.wav`, { type: "audio/wav" });
  const { text } = await clientOf(url).audio.transcriptions.create({ file, model: SEEING });
  assertEquals(text, HEARD);
});
