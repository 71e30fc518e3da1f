import { assertEquals } from "@std/assert";
import { anyTextUntil, quoted, renameRoot } from "./gbnf.ts";

Deno.test("text becomes a literal", () => {
  assertEquals(quoted('say "hi"\n\\'), '"say \\"hi\\"\\n\\\\"');
});

Deno.test("the rule for any text up to a stop follows partial matches", () => {
  assertEquals(
    anyTextUntil("any", "aab"),
    [
      'any ::= [^ab] any | "a" any-1 | "b" any | ""',
      'any-1 ::= [^ab] any | "a" any-2 | "b" any | ""',
      'any-2 ::= [^ab] any | "a" any-2 | ""',
    ].join("\n"),
  );
  assertEquals(anyTextUntil("x", "]"), 'x ::= [^\\]] x | ""');
});

Deno.test("only the rule named root is renamed", () => {
  const source = 'root ::= "root" [root] item # root\nitem ::= root-2 | root';
  assertEquals(
    renameRoot(source, "inner"),
    'inner ::= "root" [root] item # root\nitem ::= root-2 | inner',
  );
});
