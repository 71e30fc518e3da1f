import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { checkGrammar } from "./check.ts";

const times = (count: number, text: string) => Array(count).fill(text).join(" ");
const alternatives = (count: number) =>
  Array.from({ length: count }, (_, index) => `"${index}"`).join(" | ");

/** Grammars whose ways multiply, with the message that refuses them. */
const REFUSED: Readonly<Record<string, readonly [source: string, message: string]>> = {
  "900 optional characters": [`root ::= ${times(900, '"a"?')}`, "ways"],
  "20 optional classes": [`root ::= ${times(20, "[a-z]?")}`, "ways"],
  "optional rules on four levels": [
    `root ::= ${times(6, "b")}\nb ::= ${times(6, "c")}\nc ::= ${times(6, "d")}\n` +
    `d ::= "x"? "x"? "x"? "x"?\n`,
    "ways",
  ],
  "a repetition of equal alternatives": ['root ::= ( "a" | "a" | "a" )*', "ways"],
  "optional texts of several characters": [`root ::= ${times(60, '"ab"?')}`, "ways"],
  "optional items behind a long text": [
    `root ::= "Here is the answer: " tail\ntail ::= ${times(60, '"1"?')}`,
    "ways",
  ],
  "overlapping classes": [`root ::= ${times(30, "[a-m]? [^b]?")}`, "ways"],
  "100,000 alternatives": [`root ::= ${alternatives(100_000)}`, "10000 expansions"],
};

for (const [name, [source, message]] of Object.entries(REFUSED)) {
  Deno.test(`a grammar with ${name} is refused`, () => {
    const error = assertThrows(() => checkGrammar(source), ShimmyError, message);
    assertEquals([error.kind, error.field], ["invalid", "grammar"]);
  });
}

Deno.test("grammars that read a text in few ways are accepted", () => {
  const accepted = [
    `root ::= ${alternatives(5_000)}`,
    'root ::= "-"? ( [0-9] | [1-9] [0-9]* ) ( "." [0-9]+ )? ( [eE] [-+]? [0-9]+ )?',
    `root ::= ${times(8, '"a"?')}`,
    // Each optional item starts with another character.
    `root ::= ${
      Array.from({ length: 200 }, (_, n) => `"${String.fromCodePoint(0x4e00 + n)}"?`).join(" ")
    }`,
    "root ::= [a-z]{0,500}",
    'root ::= value\nvalue ::= "[" ws ( value ( "," ws value )* )? "]" ws | "{" ws ( str ":" ws value ' +
    '( "," ws str ":" ws value )* )? "}" ws | str | [0-9]+ ws\n' +
    'str ::= "\\"" ( [^"\\\\] | "\\\\" ["\\\\/bfnrt] )* "\\"" ws\nws ::= [ \\t\\n]*',
  ];
  for (const source of accepted) checkGrammar(source);
});
