import { assertEquals } from "@std/assert";
import { StopMatcher, Utf8Stream } from "./text_stream.ts";

Deno.test("a stop string across tokens is found and not shown", () => {
  const matcher = new StopMatcher(["END"]);
  assertEquals(matcher.push("one E"), { text: "one ", stop: null });
  assertEquals(matcher.push("N"), { text: "", stop: null });
  assertEquals(matcher.push("D two"), { text: "", stop: "END" });
});

Deno.test("held back text is shown when it cannot become a stop string", () => {
  const matcher = new StopMatcher(["</s>", "<|end|>"]);
  assertEquals(matcher.push("a<"), { text: "a", stop: null });
  assertEquals(matcher.push("b"), { text: "<b", stop: null });
  assertEquals(matcher.push("<|e"), { text: "", stop: null });
  assertEquals(matcher.flush(), "<|e");
});

Deno.test("the earliest of several stop strings wins", () => {
  assertEquals(new StopMatcher(["b", "a"]).push("xab"), { text: "x", stop: "a" });
});

Deno.test("text in any pieces is unchanged up to the stop string", () => {
  const text = "aabaabaaaabb";
  for (let cut = 0; cut <= text.length; cut++) {
    const matcher = new StopMatcher(["aaaab"]);
    const first = matcher.push(text.slice(0, cut));
    const second = first.stop === null ? matcher.push(text.slice(cut)) : { text: "", stop: null };
    assertEquals(first.text + second.text, "aabaab".slice(0, 6));
    assertEquals(first.stop ?? second.stop, "aaaab");
  }
});

Deno.test("characters split across tokens are decoded whole", () => {
  const text = "aé€😀ß";
  const bytes = new TextEncoder().encode(text);
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const stream = new Utf8Stream();
      const parts = [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
      const shown = parts.map((part) => stream.push(part, null)).join("") + stream.flush();
      assertEquals(shown, text);
    }
  }
});

Deno.test("text between two halves of a character keeps its order", () => {
  const stream = new Utf8Stream();
  assertEquals(stream.push(new Uint8Array([0xc3]), null), "");
  assertEquals(stream.push(new TextEncoder().encode("x"), "x"), "\ufffdx");
  assertEquals(stream.push(new TextEncoder().encode("y"), "y"), "y");
});

Deno.test("an incomplete character becomes U+FFFD", () => {
  const stream = new Utf8Stream();
  assertEquals(stream.push(new Uint8Array([0xf0, 0x9f]), null), "");
  assertEquals(stream.flush(), "\ufffd");
});
