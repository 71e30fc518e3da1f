import { assertEquals } from "@std/assert";
import { Marked } from "marked";
import { tokensOf } from "./lexer.ts";
import { plainTextOf } from "./plain.ts";

const marked = new Marked({ gfm: true, async: false });

Deno.test("a paragraph without markup is the text that its HTML shows", () => {
  const texts = ["One line.", "Two\nlines of it's text", "a < b > c", 'say "x"', "5 * 3 = 15"];
  for (const text of texts) {
    const [token] = tokensOf(text);
    const plain = plainTextOf(token!);
    assertEquals(plain, text);
    const escaped = plain!.replaceAll("<", "&lt;").replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;").replaceAll("'", "&#39;");
    assertEquals(marked.parser([token!]).trim(), `<p>${escaped}</p>`);
  }
});

Deno.test("blocks with markup are no plain text", () => {
  const texts = [
    "*a*",
    "a **b**",
    "`a`",
    "a\\*b",
    "a  \nb",
    "a &amp; b",
    "AT&T",
    "https://example.com",
    "[a](b)",
    "<b>a</b>",
    "~~a~~",
    "# a",
    "- a",
    "> a",
    "    a",
    "```\na\n```",
    "| a |\n| - |\n| b |",
    "---",
  ];
  for (const text of texts) assertEquals(plainTextOf(tokensOf(text)[0]!), null, text);
});
