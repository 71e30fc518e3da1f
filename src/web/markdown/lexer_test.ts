import { assertEquals, assertLessOrEqual } from "@std/assert";
import type { Token, Tokens } from "marked";
import { DELIMITERS, LEVELS, tokensOf } from "./lexer.ts";

/** Tokens in tokens: those of a token itself, of a list's items. */
function childrenOf(token: Token): readonly Token[] {
  const { tokens = [], items = [] } = token as { tokens?: Token[]; items?: Token[] };
  return [...tokens, ...items];
}

function levelsOf(tokens: readonly Token[], type: string): number {
  return Math.max(
    0,
    ...tokens.map((token) => (token.type === type ? 1 : 0) + levelsOf(childrenOf(token), type)),
  );
}

function countOf(tokens: readonly Token[]): number {
  return tokens.reduce((sum, token) => sum + 1 + countOf(childrenOf(token)), 0);
}

Deno.test("text with too many delimiters is plain, and its neighbours are not", () => {
  const many = "*a_".repeat(5_000);
  const [before, plain, after] = tokensOf(`**one**\n\n${many}\n\n**two**`)
    .filter(({ type }) => type !== "space");
  assertEquals(childrenOf(plain!), [{ type: "text", raw: many, text: many }]);
  for (const token of [before, after]) assertEquals(childrenOf(token!)[0]!.type, "strong");
});

Deno.test("as many delimiters as allowed are emphasis", () => {
  const words = (count: number) => Array.from({ length: count }, () => "*a*").join(" ");
  const emphasized = (text: string) =>
    childrenOf(tokensOf(text)[0]!).filter(({ type }) => type === "em").length;
  assertEquals(emphasized(words(DELIMITERS / 2)), DELIMITERS / 2);
  assertEquals(emphasized(words(DELIMITERS / 2 + 1)), 0);
});

Deno.test("the delimiters of a table are counted for each cell", () => {
  const rows = Array.from({ length: DELIMITERS }, () => "| **a** | *b* |").join("\n");
  const [table] = tokensOf(`| x | y |\n| - | - |\n${rows}`);
  const { rows: lexed } = table as Tokens.Table;
  assertEquals(lexed.at(-1)![0]!.tokens[0]!.type, "strong");
});

Deno.test("lists, quotes and emphasis have a bounded number of levels", () => {
  const indented = Array.from(
    { length: 400 },
    (_, level) => `${"  ".repeat(level)}- item ${level}`,
  );
  for (const text of [indented.join("\n"), "- ".repeat(400) + "x"]) {
    const tokens = tokensOf(text);
    assertLessOrEqual(levelsOf(tokens, "list"), LEVELS);
    assertEquals(tokens.map(({ raw }) => raw).join(""), text);
  }
  assertLessOrEqual(levelsOf(tokensOf(`${"> ".repeat(400)}x`), "blockquote"), LEVELS);
  const nested = "*a **b ".repeat(60) + "c** d*".repeat(60);
  const tokens = tokensOf(nested);
  assertLessOrEqual(levelsOf(tokens, "em") + levelsOf(tokens, "strong"), 2 * LEVELS);
  assertLessOrEqual(countOf(tokens), 2_000);
});

Deno.test("usual levels keep their form", () => {
  const text = Array.from({ length: 8 }, (_, level) => `${"  ".repeat(level)}- *item* ${level}`);
  assertEquals(levelsOf(tokensOf(text.join("\n")), "list"), 8);
});
