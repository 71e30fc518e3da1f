import { assertEquals } from "@std/assert";
import { displayWidth, truncated } from "./width.ts";

Deno.test("a text is as wide as the columns that a terminal gives it", () => {
  assertEquals(displayWidth(""), 0);
  assertEquals(displayWidth("llama 3"), 7);
  assertEquals(displayWidth("Ärger…"), 6);
  assertEquals(displayWidth("言葉"), 4);
  // A letter with a combining mark takes one column, an emoji sequence two.
  assertEquals(displayWidth("e\u0301"), 1);
  assertEquals(displayWidth("👩‍🚀🦙"), 4);
  assertEquals(displayWidth("한국"), 4);
});

Deno.test("a long text is cut to the columns of the terminal", () => {
  assertEquals(truncated("abcdef", 6), "abcdef");
  assertEquals(truncated("abcdef", 5), "abcd…");
  assertEquals(truncated("言葉言葉", 6), "言葉…");
  assertEquals(displayWidth(truncated("言葉言葉", 6)) <= 6, true);
});
