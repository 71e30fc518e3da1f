import { assertEquals, assertStringIncludes } from "@std/assert";
import { colorCode } from "./code_colors.ts";
import { MarkdownStream } from "./markdown_stream.ts";
import { NO_STYLES, type Style, STYLES, type Styles } from "./styles.ts";
import { WordWrap } from "./word_wrap.ts";

/** Styles that can be read in a test: `<bold>text</bold>`. */
const NAMED = Object.fromEntries(
  Object.keys(STYLES).map((name): [string, Style] => [name, {
    on: `<${name}>`,
    off: `</${name}>`,
  }]),
) as unknown as Styles;

/** The result for a text that comes in pieces of `size` characters. */
function shown(text: string, size: number, columns = 80, styles = NAMED): string {
  const stream = new MarkdownStream(styles, columns, false);
  let out = "";
  for (let at = 0; at < text.length; at += size) out += stream.push(text.slice(at, at + size));
  return out + stream.end();
}

const CASES: readonly (readonly [text: string, shown: string])[] = [
  ["plain text", "plain text"],
  ["a **bold** and *italic* word", "a <bold>bold</bold> and <italic>italic</italic> word"],
  ["**all *of* it**", "<bold>all <italic>of</italic><bold> it</bold>"],
  ["~~gone~~ ~one~", "<strike>gone</strike> ~one~"],
  ["`a * b` and ``c ` d``", "<code>a * b</code> and <code>c ` d</code>"],
  ["2 * 3 * 4, 5*6*7, a_b_c", "2 * 3 * 4, 5*6*7, a_b_c"],
  ["\\*not\\* \\d", "*not* \\d"],
  ["[text](http://a) [x]", "<underline>text</underline> <dim>(http://a)</dim> [x]"],
  ["# Title\ntext", "<bold>Title</bold>\ntext"],
  ["- one\n  * two\n1. three", "• one\n  • two\n1. three"],
  ["> said\n\nend", "<dim>│ </dim>said\n\nend"],
  ["a\n---\nb", `a\n<dim>${"─".repeat(40)}</dim>\nb`],
  [
    "```js\nlet a = 1; // x\n```\nend",
    "  <keyword>let</keyword> a = <number>1</number>; <comment>// x</comment>\nend",
  ],
  ["**open\nnext", "<bold>open</bold>\nnext"],
  ["#hash and -1", "#hash and -1"],
  ["|not a table\nx", "|not a table\nx"],
  [
    "| a | bb |\n|---|---:|\n| 1 | 2 |\n\nend",
    "<bold>a   │  bb</bold>\n────┼────\n1   │   2\n\nend",
  ],
  ["", ""],
];

Deno.test("Markdown is shown in the same way, however it is divided", () => {
  for (const [text, expected] of CASES) {
    for (const size of [1, 2, 3, 7, 1000]) {
      assertEquals(shown(text, size), expected, `${size}: ${text}`);
    }
  }
});

Deno.test("text is shown as soon as its meaning is known", () => {
  const stream = new MarkdownStream(NAMED, 80, false);
  assertEquals(stream.push("Hello wor"), "Hello wor");
  assertEquals(stream.push("ld *"), "ld ");
  assertEquals(stream.push("now"), "<italic>now");
  assertEquals(stream.end(), "</italic>");
});

Deno.test("a table that is wider than the terminal stays as it is written", () => {
  const text = "| aaaaaaaaaa | bbbbbbbbbb |\n|---|---|\n| 1 | 2 |\n";
  assertEquals(shown(text, 5, 12), text);
});

Deno.test("attributes in a table take no columns", () => {
  const bold = shown("| a |\n|---|\n| **b** |\n", 100, 80, STYLES);
  assertEquals(bold, "\x1b[1ma\x1b[22m\n───\n\x1b[1mb\x1b[22m\n");
});

Deno.test("without styles no attributes are written", () => {
  for (const [text] of CASES) {
    // deno-lint-ignore no-control-regex
    assertEquals(/\x1b/.test(shown(text, 3, 80, NO_STYLES)), false);
  }
});

Deno.test("code is coloured by its language", () => {
  assertStringIncludes(colorCode("x = 'a' # y", "python", NAMED), "<comment># y</comment>");
  assertStringIncludes(colorCode("x = 'a'", "python", NAMED), "<string>'a'</string>");
  assertStringIncludes(colorCode("SELECT 1 -- y", "sql", NAMED), "<comment>-- y</comment>");
});

/** The lines of a text in a terminal of these columns. */
function wrapped(text: string, columns: number, size: number): string {
  const wrap = new WordWrap(columns);
  let out = "";
  for (let at = 0; at < text.length; at += size) out += wrap.push(text.slice(at, at + size));
  return out + wrap.end();
}

Deno.test("lines are broken between words", () => {
  const cases = [
    ["one two three", 8, "one two\nthree"],
    ["abcdefghij kl", 5, "abcde\nfghij\nkl"],
    ["漢字漢字", 6, "漢字漢\n字"],
    ["one\ntwo three", 20, "one\ntwo three"],
    ["  indented", 20, "  indented"],
  ] as const;
  for (const [text, columns, expected] of cases) {
    for (const size of [1, 4, 100]) {
      assertEquals(wrapped(text, columns, size), expected, text);
    }
  }
  const styled = "a \x1b[1mbold\x1b[22m word";
  assertEquals(wrapped(styled, 6, styled.length), "a \x1b[1mbold\x1b[22m\nword");
});
