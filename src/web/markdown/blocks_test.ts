import { assert, assertEquals } from "@std/assert";
import { BlockList } from "./blocks.ts";

const TEXT = [
  "# Title",
  "",
  "A paragraph",
  "of two lines.",
  "",
  "- one",
  "- two",
  "",
  "  more of two",
  "",
  "```js",
  "const a = 1;",
  "",
  "# no heading",
  "```",
  "",
  "| a | b |",
  "| - | - |",
  "| 1 | 2 |",
  "",
  "Not yet",
  "===",
  "",
  "1. x",
  "2. y",
  "",
  "Last",
].join("\n");

const types = (list: BlockList, text: string) => list.update(text).map(({ token }) => token.type);

Deno.test("a text is a list of blocks", () => {
  assertEquals(types(new BlockList(), TEXT), [
    "heading",
    "paragraph",
    "list",
    "code",
    "table",
    "heading",
    "list",
    "paragraph",
  ]);
});

Deno.test("a text that grows has the same blocks as one that came at once", () => {
  for (const step of [1, 2, 3, 7, 40]) {
    const list = new BlockList();
    for (let end = 0; end < TEXT.length; end += step) list.update(TEXT.slice(0, end));
    const grown = list.update(TEXT).map(({ raw, token }) => [token.type, raw]);
    const whole = new BlockList().update(TEXT).map(({ raw, token }) => [token.type, raw]);
    assertEquals(grown, whole, `in steps of ${step}`);
  }
});

Deno.test("the blocks make up the text", () => {
  assertEquals(new BlockList().update(TEXT).map(({ raw }) => raw).join(""), TEXT);
});

Deno.test("finished blocks keep their identity", () => {
  const list = new BlockList();
  const before = list.update("one\n\ntwo\n\nthree\n\nfo");
  const after = list.update("one\n\ntwo\n\nthree\n\nfour");
  for (const at of [0, 1, 2]) assert(before[at] === after[at], String(at));
  assertEquals(after.at(-1)!.raw, "four");
});

Deno.test("another text replaces all blocks", () => {
  const list = new BlockList();
  list.update("one\n\ntwo\n\nthree\n\nfour");
  assertEquals(types(list, "# new"), ["heading"]);
  assertEquals(types(list, ""), []);
});

Deno.test("a text that is nested too deep is one block with plain text in it", () => {
  const text = `${"> ".repeat(30_000)}deep`;
  for (const isWhole of [true, false]) {
    const blocks = new BlockList().update(`before\n\n${text}`, { isWhole });
    assertEquals(blocks.map(({ raw }) => raw).join(""), `before\n\n${text}`);
    assertEquals(blocks.at(-1)!.token.type, "blockquote");
  }
});

Deno.test("a reference behind its use works in a whole text", () => {
  const text = "See [a].\n\nx\n\ny\n\n[a]: https://example.com";
  const [first] = new BlockList().update(text, { isWhole: true });
  assert(JSON.stringify(first!.token).includes("https://example.com"));
});
