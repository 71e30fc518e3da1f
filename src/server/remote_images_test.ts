/** Images at URLs in the requests of each dialect. */
import { assertEquals, assertObjectMatch, assertStringIncludes } from "@std/assert";
import { post } from "../../tests/doubles/context.ts";
import { serverDouble } from "../../tests/doubles/server.ts";
import { ShimmyError } from "../errors.ts";
import type { FetchRemoteImages } from "./http/mod.ts";

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

/** A server that fetches images by `fetchImages`. */
function setUp(fetchImages: FetchRemoteImages) {
  return serverDouble({ engine: { info: { media: MEDIA } }, context: { fetchImages } });
}

Deno.test("each dialect has the images at URLs fetched for the model", async () => {
  for (const [path, [field, body]] of Object.entries(REQUESTS)) {
    const { request, engine } = setUp((images) =>
      Promise.resolve(images.map((image) => ({
        type: "image",
        bytes: new TextEncoder().encode(image.url),
        field: image.field,
      })))
    );
    const response = await request(path, body);
    assertEquals(response.status, 200, await response.text());
    const { prompt } = engine.requests.at(-1)!;
    const media = prompt.flatMap((part) => "media" in part ? [part.media] : []);
    assertEquals(media.map(({ bytes }) => new TextDecoder().decode(bytes)), [url], path);
    assertEquals(media[0]?.field, field);
  }
});

Deno.test("where too many images wait, each dialect answers with 503 and a time to retry", async () => {
  const full = new ShimmyError("overloaded", "Too many images at URLs", { retryAfter: 1 });
  const bodies: Record<string, unknown> = {};
  for (const [path, [, body]] of Object.entries(REQUESTS)) {
    const { request } = setUp(() => Promise.reject(full));
    const response = await request(path, body);
    assertEquals([response.status, response.headers.get("retry-after")], [503, "1"], path);
    bodies[path] = await response.json();
  }
  const message = full.message;
  assertObjectMatch(bodies, {
    "/v1/chat/completions": { error: { message, type: "server_error" } },
    "/v1/responses": { error: { message, type: "server_error" } },
    "/v1/messages": { type: "error", error: { message, type: "overloaded_error" } },
    "/api/generate": { error: message },
  });
});

Deno.test("images are fetched for the client, until it leaves", async () => {
  const counting = {
    "/v1/messages/count_tokens": REQUESTS["/v1/messages"]!,
    "/v1/chat/completions/input_tokens": REQUESTS["/v1/chat/completions"]!,
  };
  for (const [path, [, body]] of Object.entries({ ...REQUESTS, ...counting })) {
    const asked = Promise.withResolvers<Parameters<FetchRemoteImages>[1]>();
    const { handler } = setUp((_, asker) => {
      asked.resolve(asker);
      return new Promise((_, reject) => {
        const left = () => reject(new ShimmyError("cancelled", "The request was cancelled"));
        asker.signal.addEventListener("abort", left);
      });
    });
    let disconnect = () => {};
    const response = handler(post(path, body), {
      address: "192.0.2.1",
      onDisconnect: (left) => {
        disconnect = left;
        return () => {};
      },
      end: () => {},
    });
    const { client, signal } = await asked.promise;
    assertEquals([client, signal.aborted], ["192.0.2.1", false], path);
    disconnect();
    assertEquals(signal.aborted, true, path);
    await (await response).body?.cancel();
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
