/** Compares the grammar check with llama.cpp's parser. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { fileURLToPath } from "node:url";
import { realLibraryFolder } from "../../ffi/testing.ts";
import { messageOf } from "../../src/errors.ts";
import { checkGrammar, schemaToGrammar } from "../../src/grammar/mod.ts";
import { Random } from "./random.ts";
import { randomSchema } from "./schemas.ts";

const folder = await realLibraryFolder();

const GOOD = [
  'root ::= "a"',
  'root::="a"',
  "root ::=",
  'root ::= ""',
  'root ::= "a" | ',
  'root ::= | "a"',
  "# nothing\n\nroot ::= # and more\n  [a-z]+ # end\n# end",
  'root ::=\n  "a" |\n  "b" |\r\n  "c"\r\n',
  'root ::= "a"\r\rb ::= "b"\r',
  'root ::= (\n  "a"\n  | "b"\n)\n',
  'root ::= ( "a" # why\n "b" )* c?\nc ::= [^"\\\\\\x7F\\x00-\\x1F] | "\\\\" ["\\\\bfnrt]',
  'root ::= [] [^] [-] [a-] [a-z-] [\\-\\]\\[\\\\] [\\n\\r\\t\\u00e9-\\U0001F600] ["]',
  'root ::= "é日本😀" [é-日] "\n over lines \t"',
  'root ::= "\\x41\\u0041\\U00000041\\"\\[\\]\\-"',
  "root ::= . .* .+ .? .{3} .{ 3 } .{3,} .{ 3 , 5 } .{0} .{0,0} .{0,1}",
  'root ::= "a" {2} "b"\t* c +\nc ::= "c"',
  'root ::= "a"{2}{3}{4} "b"{2}? "c"{1}*',
  'root ::= "a"{2000} "b"{0,2000} "c"{5,9999999999999999999}',
  'root ::= "a"{5,18446744073709551615} "b"{3,2001}',
  'root ::= ("a"{50}){50} (("a"))*',
  'root ::= ("a"{0,4} | "b"?){2} ("c"?){0,6} ("d"? "e"?)*',
  'root ::= "a" <[1]> !<[2]>* <[2]> "b" | !<[2]> "c"',
  "root ::= <[1]> !<[2]> <think> !</think> <[99999999999]> <tool_call>*",
  'root ::= 1a -b a-1\n1a ::= [0-9]\n-b ::= "-"\na-1 ::= "x"',
  'root ::= "a"\nroot ::= "b"',
  'root ::= later\nlater ::= "x" root | "y"',
  'root ::= "a" nothing\nroot ::= "b"',
  'a ::= "x"\nroot ::= a a?',
  'root ::= a root | "x"\na ::= b\nb ::= "y" |',
  "root ::= (a?)* (a*)+\na ::= [b]",
  'root ::= "x" | (root2)\nroot2 ::= [a-z] root2?',
  'root ::= "a"\n\0 this is never read ::= (',
  'root ::= "\\n" ws "{" ws "}"\nws ::= ([ \\t\\n] ws)?',
  `root ::= ${Array.from({ length: 2000 }, (_, word) => `"${word}"`).join(" | ")}`,
  `root ::= ${"(".repeat(900)}"a"${")".repeat(900)}`,
];

const BAD: readonly (readonly [source: string, message: string])[] = [
  ["", "there is no rule named 'root', the start symbol"],
  [" \n# nothing\n", "there is no rule named 'root', the start symbol"],
  ['other ::= "a"', "there is no rule named 'root', the start symbol"],
  ['"a"', "line 1, column 1: expected a rule name"],
  [
    'root = "a"',
    `line 1, column 6: expected "::=" after the rule name 'root', but found "="`,
  ],
  [
    "root",
    `line 1, column 5: expected "::=" after the rule name 'root', but found the end of the grammar`,
  ],
  [
    'root\n::= "a"',
    "line 1, column 5: expected \"::=\" after the rule name 'root', but found the end of the line",
  ],
  ["root ::= a\nb ::= c", "line 1, column 10: there is no rule named 'a'"],
  ['root ::= "x"\nb ::= c d\nc ::= d?', "line 2, column 9: there is no rule named 'd'"],
  ['root ::= a\nroot ::= "b"\nc ::= "c"', "line 1, column 10: there is no rule named 'a'"],
  ['root ::= "a', 'line 1, column 10: the literal is not closed: it needs a second "'],
  ['root ::= "a\\', 'line 1, column 12: unknown escape "\\"'],
  ["root ::= [a-", 'line 1, column 10: the class is not closed: it needs a "]"'],
  ["root ::= [a", 'line 1, column 10: the class is not closed: it needs a "]"'],
  ['root ::= "é\\q"', 'line 1, column 12: unknown escape "\\q"; known are \\n'],
  ["root ::= [\\d]", 'line 1, column 11: unknown escape "\\d"'],
  ['root ::= "\\x4"', "line 1, column 11: expected 2 hexadecimal digits after \\x"],
  ["root ::= [\\u12G4]", "line 1, column 11: expected 4 hexadecimal digits after \\u"],
  ["root ::= (", "line 1, column 11: expected a literal"],
  [
    'root ::= ("a"\n  "b"',
    'line 2, column 6: expected a literal, a class, a name, a group, "|" or the ")"',
  ],
  [
    'root ::= "a")',
    'line 1, column 13: expected a literal, a class, a name, a group, "|" or the end',
  ],
  ['root ::= "a" ]', "line 1, column 14: expected a literal"],
  ['root ::= "a"\n  | "b"', 'line 2, column 3: "|" may start a line only inside a group'],
  ['root ::= a b ::= "c"', "line 1, column 14: a rule must start on a new line"],
  ["root ::= *", "line 1, column 10: there is no item before the quantifier"],
  ['root ::= "a" | +', "line 1, column 16: there is no item before the quantifier"],
  ['root ::= ""?', "line 1, column 12: there is no item before the quantifier"],
  ['root ::= "a"{0}*', "line 1, column 16: there is no item before the quantifier"],
  ['root ::= "a"{', "line 1, column 14: expected an integer, but found the end of the grammar"],
  ['root ::= "a"{,3}', 'line 1, column 14: expected an integer, but found ","'],
  ['root ::= "a"{1;3}', 'line 1, column 15: expected "," or "}", but found ";"'],
  ['root ::= "a"{1,3', 'line 1, column 17: expected "," or "}", but found the end of the grammar'],
  [
    'root ::= "a"{2001}',
    "line 1, column 13: the minimum number of repetitions is greater than 2000",
  ],
  ['root ::= "a"{99999999999999999999}', "line 1, column 14: the number is too large"],
  ['root ::= "a"{1,99999999999999999999}', "line 1, column 16: the number is too large"],
  ['root ::= "a"{50}{50}', "line 1, column 17: the item has "],
  ['root ::= ("a"{0,60} | "b"?){40}', "line 1, column 28: the item has "],
  ["root ::= <[1>", 'line 1, column 13: expected "]" after the token id, but found ">"'],
  ["root ::= <[1]", 'line 1, column 14: expected ">" after the token id'],
  ["root ::= <[a]>", "line 1, column 12: expected an integer"],
  ["root ::= ! <[1]>", 'line 1, column 11: expected "<" of a token after "!"'],
  ["root ::= <think", 'line 1, column 10: the token is not closed: it needs a ">"'],
  [
    'root ::= root "a" | "b"',
    "line 1, column 1: the rule 'root' starts with itself: left recursion",
  ],
  [
    'root ::= "x"\na ::= b\nb ::= "b"? a "y"',
    "line 2, column 1: the rule 'a' starts with itself (a > b > a)",
  ],
  ['root ::= "a"**', "line 1, column 14: the rule 'root' starts with itself"],
  ['root ::= "b"?*', "line 1, column 14: the rule 'root' starts with itself"],
  ["root ::= (root)*", "line 1, column 1: the rule 'root' starts with itself"],
  ["root ::= e\ne ::= e", "line 2, column 1: the rule 'e' starts with itself"],
];

/** Rules whose number of expansions doubles from rule to rule. */
const doubling = (levels: number) =>
  `${
    Array.from({ length: levels }, (_, at) => `r${at} ::= r${at + 1} "a" | r${at + 1} "b"`).join(
      "\n",
    )
  }\nr${levels} ::= "c"\nroot ::= r0`;

/** Grammars that block llama.cpp for minutes or forever, or crash it. */
const RUINOUS: readonly (readonly [source: string, message: string])[] = [
  [
    'root ::= [^"] !<[3]> "b"',
    "line 1, column 1: the rule 'root' has a negated token directly after text: put a token between them, or list the allowed text",
  ],
  [
    'root ::= x y\nx ::= "a" <[3]>?\ny ::= ("b" | !<[3]>)*',
    "line 1, column 1: the rule 'root' has a negated token directly after text: put a token between them, or list the allowed text",
  ],
  ["a ::= root\na ::= [b]", "there is no rule named 'root', the start symbol"],
  ['root ::= "a"{3,2}', "line 1, column 13: the maximum is less than the minimum"],
  [
    'root ::= a root "z" | "x"\na ::= b\nb ::= "y" |',
    "line 1, column 1: the rule 'root' starts with itself after an item that may be empty",
  ],
  [doubling(20), "has more than 10000 expansions"],
  [
    doubling(60).replaceAll(' "a"', "").replaceAll(' "b"', ""),
    "starts with too many rules",
  ],
  [`root ::= ${"(".repeat(100_000)}`, "groups nest deeper than 1000 levels"],
  [
    `${
      Array.from({ length: 20_000 }, (_, at) => `r${at} ::= r${at + 1}`).join("\n")
    }\nr20000 ::= "a"\nroot ::= r0`,
    "more than 10000 rules start with each other",
  ],
  [
    'root ::= "b" ("a"?){0,100} "b"',
    "line 1, column 20: an item repeated up to 100 times may be empty: repeat an item",
  ],
  ['root ::= ("a"{0,30} | "b"?){40}', "may be empty: repeat an item"],
  [
    'root ::= ("a"{0,4} | "b"?){4} ("c"?){0,30}',
    "reads the same 4 characters in more than 10000 ways",
  ],
  ["root ::= [a-z]+ root?", "characters in more than 10000 ways"],
  ['root ::= ((w?){0,8}){8} "c"\nw ::= x | y\nx ::= "a"*\ny ::= "b"*', "may be empty"],
  [
    `root ::= [${"c".repeat(3000)}]{2000}`,
    "the grammar is too large after expansion of its repetitions",
  ],
];

/** Error message of the check; null if it accepts the grammar. */
function refusal(source: string): string | null {
  try {
    checkGrammar(source);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Results of llama.cpp's parser. */
async function takenNatively(grammars: readonly string[]): Promise<boolean[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--allow-all",
      fileURLToPath(new URL("native_parser.ts", import.meta.url)),
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(grammars)));
  await writer.close();
  const { stdout, success } = await child.output();
  assert(success, "the library did not get through the grammars");
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("valid grammars are accepted, invalid ones are refused with problem and location", () => {
  for (const source of GOOD) assertEquals(refusal(source), null, source.slice(0, 200));
  for (const [source, message] of BAD) {
    const told = refusal(source);
    assert(told?.startsWith(`grammar: ${message}`), `${source}\n${told}`);
  }
});

Deno.test("grammars that would crash or block llama.cpp are refused quickly", () => {
  for (const [source, message] of RUINOUS) {
    const told = refusal(source);
    assert(told?.includes(message), `${source.slice(0, 100)}\n${told}`);
  }
});

Deno.test("tokens named by text are reported", () => {
  const { tokens, unknownToken } = checkGrammar('root ::= <[1]> "<no>"\n  | !<a b> # <no>\n  | [<]'
    .replaceAll("\n", " "));
  assertEquals(tokens.map(({ text }) => text), ["<a b>"]);
  assertEquals(
    unknownToken(tokens[0]!).message,
    "grammar: line 1, column 28: <a b> is not a single token of the model's vocabulary",
  );
});

Deno.test({
  name: "llama.cpp accepts exactly what the check accepts",
  ignore: folder === null,
  async fn() {
    const good = await takenNatively(GOOD);
    assertEquals(GOOD.filter((_, at) => !good[at]), []);
    // llama.cpp treats an empty text as no grammar, which accepts everything.
    const bad = BAD.map(([source]) => source).filter((source) => source !== "");
    const taken = await takenNatively(bad);
    assertEquals(bad.filter((_, at) => taken[at]), []);
  },
});

/** Refusals of grammars that crash or block llama.cpp. */
const ITS_RUIN = [
  ...RUINOUS.map(([, message]) => message.replace(/^line \d+, column \d+: /, "")),
  "characters in more than 10000 ways",
];

Deno.test({
  name: "mutated grammars get the same verdict as from llama.cpp",
  ignore: folder === null,
  async fn() {
    const random = new Random(11);
    const whole = [
      ...GOOD.filter((source) => source.length < 500),
      ...Array.from(
        { length: 40 },
        (_, seed) => schemaToGrammar(randomSchema(new Random(seed + 77)).schema).slice(0, 3000),
      ),
    ];
    const pieces = [
      ...'"[](){}|*+?.^-\\<>!#\n\r :=a01,',
      "::=",
      "{2}",
      "{0,3}",
      "[^",
      "\n  ",
      "root",
    ];
    const changed = Array.from({ length: 4000 }, () => {
      let source = random.pick(whole);
      for (let times = random.between(1, 3); times > 0; times--) {
        const at = random.between(0, source.length);
        const end = at + (random.chance(0.5) ? random.between(0, 3) : 0);
        source = source.slice(0, at) + (random.chance(0.7) ? random.pick(pieces) : "") +
          source.slice(end);
      }
      return source;
    });
    const told = changed.map(refusal);
    const judged = changed.filter((source, at) =>
      // llama.cpp resolves token texts with a vocabulary, which the check does not have.
      !/<[^[]/.test(source) && !ITS_RUIN.some((reason) => told[at]?.includes(reason))
    );
    const taken = await takenNatively(judged);
    const differ = judged.filter((source, at) => (refusal(source) === null) !== taken[at]);
    assertEquals(differ.map((source) => [source, refusal(source)]), []);
    assertGreater(taken.filter((yes) => yes).length, 300);
    assertGreater(taken.filter((yes) => !yes).length, 300);
  },
});
