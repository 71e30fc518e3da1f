import { assertEquals, assertThrows } from "@std/assert";
import { accepts } from "./automaton.ts";
import { searchAutomaton } from "./determinize.ts";
import { parsePattern, PatternError } from "./parser.ts";

const SAMPLES = [
  "",
  "a",
  "b",
  "ab",
  "ba",
  "abc",
  "aab",
  "xaby",
  "a.b",
  "a-b",
  "A1_",
  "42",
  "-7",
  "é",
  "日本",
  "😀",
  "a\nb",
  " a ",
  "\t",
  "{",
  "}",
  "a{2}",
  "]",
  "^",
  "$",
  "a^b",
  "a$",
  "\\",
  '"',
  "aaaa",
  "aaaaa",
  "cat",
  "dog",
  "catdog",
  "foo@bar.baz",
  "2024-02-30",
  "\u2028",
  "_",
  "\u0000",
  "/x/y",
];

const PATTERNS = [
  "a",
  "^a",
  "a$",
  "^a$",
  "^$",
  "",
  "^",
  "$",
  "a|b",
  "^(a|b)+$",
  "^[^a]*$",
  "[a-c]{2,3}",
  "^a{0,2}$",
  "^\\d+$",
  "\\D",
  "^\\w+$",
  "\\W",
  "\\s",
  "^\\S*$",
  "^.$",
  "^..$",
  "^(?:ab?)*$",
  "^(?<x>a)b?$",
  "a+?b",
  "^[\\w.+-]+@[\\w-]+\\.[a-z]{2,}$",
  "^\\p{L}+$",
  "^\\P{L}+$",
  "[\\u00e9]",
  "^\\u{1F600}$",
  "^\\ud83d\\ude00$",
  "\\x61\\x62",
  "^[\\s\\S]$",
  "^\\^|\\$$",
  "\\\\",
  "^(^a|b$)",
  "a^b",
  "(a|^)b",
  "b($|y)",
  "^(?:cat|dog){1,2}$",
  "^[a-]-?",
  "[\\]\\-]",
  "^\\cI$",
  "^\\t$",
  "^\\0$",
  "^[^]$",
  "\\/",
  "x*",
  "^(a?){3}$",
];

Deno.test("an automaton finds a pattern exactly where JavaScript's own engine does", () => {
  for (const pattern of PATTERNS) {
    const dfa = searchAutomaton(parsePattern(pattern));
    const expected = new RegExp(pattern, "u");
    for (const sample of SAMPLES) {
      assertEquals(accepts(dfa, sample), expected.test(sample), `/${pattern}/ on ${sample}`);
    }
  }
});

Deno.test("unsupported syntax is refused by name", () => {
  for (
    const [pattern, message] of [
      ["(?=a)b", "lookahead"],
      ["(?<!a)b", "lookahead"],
      ["(a)\\1", "\\1"],
      ["(?<n>a)\\k<n>", "\\k<n>"],
      ["\\bword", "\\b"],
      ["(", "not a regular expression"],
      ["a".repeat(5000), "longer than"],
      ["(".repeat(100) + ")".repeat(100), "nest deeper"],
      ["(?:(?:a{100}){100}){100}", "positions"],
      ["(?:a|b)*a(?:a|b){20}", "states"],
    ] as const
  ) {
    assertThrows(() => searchAutomaton(parsePattern(pattern)), PatternError, message);
  }
});
