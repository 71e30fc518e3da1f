/** Images at URLs in the requests of each dialect. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { serverDouble } from "../../tests/doubles/server.ts";
import { type FetchImages, inlinePreparer } from "../chat/mod.ts";

const url = "https://pictures.example/a.png";
const MEDIA = { vision: true, audio: false, refusal: null };
const user = (...content: unknown[]) => [{ role: "user", content }];

/** Bodies by path, each with an image and the field of its URL. */
const REQUESTS: Readonly<Record<string, readonly [field: string, body: unknown]>> = {
  "/v1/chat/completions": ["messages[0].content[0].image_url.url", {
    n: 2,
    messages: user({ type: "image_url", image_url: { url } }, { type: "text", text: "x" }),
  }],
  "/v1/responses": ["input", {
    input: user({ type: "input_image", image_url: url }, { type: "input_text", text: "x" }),
  }],
  "/v1/messages": ["messages[0].content[0].source.url", {
    model: "double",
    max_tokens: 3,
    messages: user({ type: "image", source: { type: "url", url } }, { type: "text", text: "x" }),
  }],
  "/api/generate": ["messages[0].images[0]", {
    model: "double",
    messages: [{ role: "user", content: "x", images: [url] }],
    max_tokens: 3,
    stream: false,
  }],
};

Deno.test("each dialect has the images at URLs fetched for the model", async () => {
  const fetchImages: FetchImages = (images) =>
    Promise.resolve(images.map((image) => ({
      type: "image",
      bytes: new TextEncoder().encode(image.url),
      field: image.field,
    })));
  for (const [path, [field, body]] of Object.entries(REQUESTS)) {
    const { request, engine } = serverDouble({
      engine: { info: { media: MEDIA } },
      context: { preparer: { ...inlinePreparer, fetchImages } },
    });
    const response = await request(path, body);
    assertEquals(response.status, 200, await response.text());
    const { prompt } = engine.requests.at(-1)!;
    const media = prompt.flatMap((part) => "media" in part ? [part.media] : []);
    assertEquals(media.map(({ bytes }) => new TextDecoder().decode(bytes)), [url], path);
    assertEquals(media[0]?.field, field);
  }
});

Deno.test("without the option, each dialect refuses images at URLs and names the option", async () => {
  const { request } = serverDouble({ engine: { info: { media: MEDIA } } });
  for (const [path, [field, body]] of Object.entries(REQUESTS)) {
    const response = await request(path, body);
    const text = await response.text();
    assertEquals(response.status, 400, text);
    assertStringIncludes(text, `${field}: images of other servers are not fetched`);
    assertStringIncludes(text, "start this server with --allow-remote-media HOST");
  }
});
