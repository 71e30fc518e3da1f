import { assertEquals } from "@std/assert";
import { contentParts, joinContent, joinMessages, MEDIA_MARK } from "./media.ts";

const image = { type: "image", bytes: new Uint8Array([1]), field: "x" } as const;

Deno.test("texts are joined by the separator, but not beside an image", () => {
  const { content, media } = joinContent(["a", "b", image, "c", image, image, "d"], "\n");
  assertEquals(content, `a\nb${MEDIA_MARK}c${MEDIA_MARK}${MEDIA_MARK}d`);
  assertEquals(media, [image, image, image]);
  assertEquals(joinContent(["a", "", "b"], "\n"), { content: "a\n\nb" });
});

Deno.test("messages are joined by the separator, but not beside an image", () => {
  const shown = joinContent([image], "");
  assertEquals(joinMessages({ content: "a" }, { content: "b" }, "\n"), { content: "a\nb" });
  assertEquals(joinMessages({ content: "a" }, shown, "\n"), {
    content: `a${MEDIA_MARK}`,
    media: [image],
  });
  assertEquals(joinMessages(shown, shown, "\n").media, [image, image]);
});

Deno.test("a message has its texts and images in their order", () => {
  const parts = [image, "a", image, image, "b"];
  assertEquals(contentParts(joinContent(parts, "")), parts);
  assertEquals(contentParts({ content: "a" }), ["a"]);
});
