import { assertEquals } from "@std/assert";
import type { Message } from "../conversation/mod.ts";
import { surplus, withImages, withoutImages } from "./stored_images.ts";

const MESSAGE: Message = {
  id: "m",
  parent: null,
  role: "user",
  content: "what?",
  created: 7,
  images: [{ name: "a.png", url: "data:image/png;base64,AAAA" }, { name: "b.png" }],
};

Deno.test("a message and its images are stored apart and joined again", () => {
  const [stripped, stored] = withoutImages("c", MESSAGE);
  assertEquals(stripped.images, [{ name: "a.png" }, { name: "b.png" }]);
  assertEquals(stored, {
    conversation: "c",
    id: "m",
    created: 7,
    size: 26,
    urls: ["data:image/png;base64,AAAA", null],
  });
  assertEquals(withImages(stripped, stored!), MESSAGE);
  // The images were removed to make room for others.
  assertEquals(withImages(stripped, undefined), stripped);
});

Deno.test("a message whose images are no longer kept does not replace them", () => {
  const [stripped] = withoutImages("c", MESSAGE);
  assertEquals(withoutImages("c", stripped), [stripped, null]);
});

Deno.test("the oldest images go until the others are few enough", () => {
  const all = [4, 3, 2, 1].map((size, key) => ({ key, size }));
  assertEquals(surplus(all, 10), []);
  assertEquals(surplus(all, 9), [0]);
  assertEquals(surplus(all, 5), [0, 1]);
  assertEquals(surplus(all, 0), [0, 1, 2, 3]);
});
