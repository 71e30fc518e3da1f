import { assert, assertEquals, assertThrows } from "@std/assert";
import { schemaToGrammar } from "../../../../../grammar/mod.ts";
import { LarkError, larkToPattern } from "./lark.ts";

/** A grammar of patches in the style of coding agents. */
const PATCH = `
start: begin hunk+ end // the whole patch
begin: "*** Begin" LF
end: "*** End" LF?

hunk: add_hunk | delete_hunk
  | move_hunk
add_hunk: "*** Add: " filename LF add_line+
delete_hunk: "*** Delete: " filename LF
move_hunk.2: "*** Move: " filename [" to " filename] LF
filename: /(.+)/
add_line: "+" /(.*)/ LF -> line

%import common.LF
`;

function matches(grammar: string, text: string): boolean {
  return new RegExp(`^(?:${larkToPattern(grammar)})$`, "u").test(text);
}

Deno.test("a grammar without recursion becomes a pattern", () => {
  assert(matches(PATCH, "*** Begin\n*** Add: a.txt\n+one\n+\n*** End\n"));
  assert(matches(PATCH, "*** Begin\n*** Delete: a\n*** Move: a to b\n*** Move: c\n*** End"));
  assertEquals(matches(PATCH, "*** Begin\n*** End\n"), false);
  assertEquals(matches(PATCH, "*** Begin\n*** Add: a.txt\nno plus\n*** End\n"), false);
});

Deno.test("repetitions, optional parts, escapes and terminals of the library are converted", () => {
  const grammar = 'start: INT ~ 2..3 ("a.b" | "\\"")? WS_INLINE\n%import common (INT)\n';
  assertThrows(() => larkToPattern(grammar), LarkError, "%import common (INT)");
  const fixed = grammar.replace("common (INT)", "common.INT") + "%import common.WS_INLINE\n";
  assert(matches(fixed, "12a.b "));
  assert(matches(fixed, '123" \t'));
  assertEquals(matches(fixed, "12axb "), false);
});

Deno.test("a pattern constrains a text of a schema", () => {
  const pattern = `^(?:${larkToPattern(PATCH)})$`;
  assert(schemaToGrammar({ type: "string", pattern }).length > 100);
});

Deno.test("an unsupported construct is named", () => {
  const cases: [grammar: string, message: string][] = [
    ['start: "(" start? ")"', "the rule 'start' is recursive"],
    ["start: other", "there is no rule 'other'"],
    ['start: "a"\n%ignore " "', "'%ignore \" \"' is not supported"],
    ["start: /a/i", "the flags 'i' are not supported"],
    ['start: "a"i', "texts without case are not supported"],
    ['start: ("a"', "')' is missing"],
    ['start: "a" {', "it cannot be read at character 10"],
    ['"a"', "it must begin with a rule"],
    ["", "there is no rule 'start'"],
    ["start: a a\na: b b\nb: c c\nc: d d d d\nd: /" + "x".repeat(200) + "/", "is longer than"],
  ];
  for (const [grammar, message] of cases) {
    assertThrows(() => larkToPattern(grammar), LarkError, message);
  }
});

Deno.test("rules that name others twice are converted once", () => {
  const names = Array.from({ length: 50 }, (_, index) => `r${index}`);
  const rules = names.map((name, index) => `${name}: ${`${names[index + 1] ?? '""'} `.repeat(2)}`);
  assertEquals(larkToPattern(`start: r0\n${rules.join("\n")}`), "");
});

Deno.test("a rule is refused as soon as it is too long", () => {
  const grammar = `start: ${"a ".repeat(300_000)}\na: /${"x".repeat(2_000)}/`;
  assertThrows(() => larkToPattern(grammar), LarkError, "is longer than 4000 characters");
});

Deno.test("large grammars are read in one pass", () => {
  const rules = Array.from({ length: 100_000 }, (_, index) => `r${index}: "a"`).join("\n");
  assertEquals(larkToPattern(`start: r7\n${rules}\n${" ".repeat(1_000_000)}`), "a");
});
