import { assertEquals, assertThrows } from "@std/assert";
import type { MediaFile } from "./conversation.ts";
import { createConversation, createMessage } from "./create.ts";
import { toJson, toMarkdown } from "./export.ts";
import { isMediaUrl } from "./media.ts";
import { importConversation } from "./import.ts";
import { chatPromptOf, promptOf } from "./prompt.ts";
import { addMessage, pathOf } from "./tree.ts";

const URL_OF = (type: string) => `data:image/${type};base64,AAAA`;

const IMAGES: readonly MediaFile[] = [
  { name: "a [b](c).png", url: URL_OF("png") },
  { name: "gone.png" },
  { name: "d.jpg", url: URL_OF("jpeg") },
];

const question = createMessage({
  role: "user",
  parent: null,
  content: "What is ![this](here)?",
  media: IMAGES,
});

const conversation = addMessage(createConversation({ title: "T", isNamed: true }), question);

Deno.test("JSON brings images back, also the names of those that are no longer kept", () => {
  const [message] = pathOf(importConversation(toJson(conversation)));
  assertEquals(message!.media, IMAGES);
});

Deno.test("Markdown brings the kept images back", () => {
  const [message] = pathOf(importConversation(toMarkdown(conversation)));
  assertEquals(message!.media, [
    { name: "a _b_(c).png", url: URL_OF("png") },
    { name: "d.jpg", url: URL_OF("jpeg") },
  ]);
  assertEquals(message!.content, question.content);
});

Deno.test("images of other forms are refused", () => {
  const urls = ["https://a.example/a.png", "data:image/svg+xml;base64,AAAA", "data:text/html,x", 5];
  for (const url of [...urls, `${URL_OF("png")}"x`, "data:image/png;base64,"]) {
    const messages = [{
      id: "a",
      parent: null,
      role: "user",
      content: "",
      media: [{ name: "a", url }],
    }];
    const text = JSON.stringify({
      format: "shimmy-conversation",
      version: 1,
      title: "T",
      messages,
    });
    assertThrows(
      () => importConversation(text),
      SyntaxError,
      "messages[0].media[0].url: must be a data URL of a PNG, JPEG, WebP, GIF or BMP image, or of a WAV, MP3 or FLAC sound",
    );
  }
  assertEquals(["png", "jpeg", "webp", "gif", "bmp"].map(URL_OF).every(isMediaUrl), true);
  assertEquals(isMediaUrl(`${URL_OF("png")}${"A".repeat(29 << 20)}`), false);
});

Deno.test("the prompt has the kept images before the text", () => {
  const urls = [URL_OF("png"), URL_OF("jpeg")];
  assertEquals(promptOf([question]), [{ role: "user", content: question.content, images: urls }]);
  const images = urls.map((url) => ({ type: "image_url", image_url: { url } }));
  assertEquals(chatPromptOf("", [question, { ...question, content: "" }]), [
    { role: "user", content: [...images, { type: "text", text: question.content }] },
    { role: "user", content: images },
  ]);
});

Deno.test("sounds come after images, in the form of each API", () => {
  const sounds = ["wav", "mpeg", "flac"].map((type) => `data:audio/${type};base64,AAAA`);
  const media = [sounds[0]!, URL_OF("png"), sounds[1]!, sounds[2]!]
    .map((url) => ({ name: "a", url }));
  const message = createMessage({ role: "user", parent: null, content: "What?", media });
  assertEquals(promptOf([message]), [
    { role: "user", content: "What?", images: [URL_OF("png")], audio: sounds },
  ]);
  assertEquals(chatPromptOf("", [message]), [{
    role: "user",
    content: [
      { type: "image_url", image_url: { url: URL_OF("png") } },
      ...["wav", "mp3", "flac"].map((format) => ({
        type: "input_audio",
        input_audio: { data: "AAAA", format },
      })),
      { type: "text", text: "What?" },
    ],
  }]);
  assertEquals(sounds.every(isMediaUrl), true);
  assertEquals(isMediaUrl("data:audio/midi;base64,AAAA"), false);
});

Deno.test("files of earlier versions name images and sounds differently", () => {
  const earlier = toJson(conversation).replace('"media":', '"images":');
  const [message] = pathOf(importConversation(earlier));
  assertEquals(message!.media, IMAGES);
  assertThrows(
    () => importConversation(earlier.replace("data:image/png", "data:image/heic")),
    SyntaxError,
    "messages[0].images[0].url: must be",
  );
});
