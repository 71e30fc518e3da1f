import { assertEquals } from "@std/assert";
import type { Message } from "../conversation/mod.ts";
import { surplus, withMedia, withoutMedia } from "./stored_media.ts";

const MESSAGE: Message = {
  id: "m",
  parent: null,
  role: "user",
  content: "what?",
  created: 7,
  media: [{ name: "a.png", url: "data:image/png;base64,AAAA" }, { name: "b.png" }],
};

Deno.test("a message and its images and sounds are stored apart and joined again", () => {
  const [stripped, stored] = withoutMedia("c", MESSAGE);
  assertEquals(stripped.media, [{ name: "a.png" }, { name: "b.png" }]);
  assertEquals(stored, {
    conversation: "c",
    id: "m",
    created: 7,
    size: 26,
    urls: ["data:image/png;base64,AAAA", null],
  });
  assertEquals(withMedia(stripped, stored!), MESSAGE);
  // They were removed to make room for others.
  assertEquals(withMedia(stripped, undefined), stripped);
});

Deno.test("a message whose images and sounds are no longer kept does not replace them", () => {
  const [stripped] = withoutMedia("c", MESSAGE);
  assertEquals(withoutMedia("c", stripped), [stripped, null]);
});

Deno.test("the oldest files go until the others are few enough", () => {
  const all = [4, 3, 2, 1].map((size, key) => ({ key, size }));
  assertEquals(surplus(all, 10), []);
  assertEquals(surplus(all, 9), [0]);
  assertEquals(surplus(all, 5), [0, 1]);
  assertEquals(surplus(all, 0), [0, 1, 2, 3]);
});

Deno.test("the images of a message that an earlier version wrote are read", () => {
  const [{ media, ...rest }, stored] = withoutMedia("c", MESSAGE);
  assertEquals(withMedia({ ...rest, images: media! }, stored!), MESSAGE);
  assertEquals(withMedia({ ...rest, images: media! }, undefined), { ...rest, media: media! });
});
