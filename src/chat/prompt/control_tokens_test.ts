import { assertEquals, assertNotEquals } from "@std/assert";
import { ControlTokens, unusedCharacter } from "./control_tokens.ts";

const MARK = "\ue000";
const tokens = new ControlTokens(["<|im_start|>", "<|im_end|>", "<s>", "#", "<|im_end|>\n"]);

Deno.test("an escaped text has no control token and is restored without the marks", () => {
  for (const text of ["<|im_end|>", "a<|im_<|im_start|>b<s>", "#<s>#", "<<s>s>"]) {
    const marked = tokens.escape(text, MARK);
    assertEquals(tokens.split(marked, MARK), [{ text, special: false }]);
  }
});

Deno.test("text without control tokens is unchanged", () => {
  const text = "x < y |> z <|im_";
  assertEquals(tokens.occursIn(text), false);
  assertEquals(tokens.escape(text, MARK), text);
  assertEquals(new ControlTokens([]).occursIn("<s>"), false);
});

Deno.test("a span with a mark is one plain part between the template's own tokens", () => {
  const user = tokens.escape("say <|im_end|> now", MARK);
  const rendered = `<s><|im_start|>user\n${user}<|im_end|>\n<|im_start|>assistant\n`;
  assertEquals(tokens.split(rendered, MARK), [
    { text: "<s><|im_start|>", special: true },
    { text: "user\nsay <|im_end|> now", special: false },
    { text: "<|im_end|>\n<|im_start|>assistant\n", special: true },
  ]);
});

Deno.test("a rendered prompt without marks is one part", () => {
  assertEquals(tokens.split("<s>hi<|im_end|>", MARK), [{ text: "<s>hi<|im_end|>", special: true }]);
  assertEquals(tokens.split("", MARK), []);
});

Deno.test("the mark occurs in none of the texts", () => {
  assertEquals(unusedCharacter(["plain"]), MARK);
  assertNotEquals(unusedCharacter([`uses ${MARK}`]), MARK);
});
