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
