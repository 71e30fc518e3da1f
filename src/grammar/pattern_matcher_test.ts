import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../errors.ts";
import { patternMatcher } from "./pattern_matcher.ts";

Deno.test("a pattern matches anywhere in a text, without regard to case", () => {
  const cases: [string, string, boolean][] = [
    ["weather", "get_Weather now", true],
    ["get_.*_DATA", "GET_user_data", true],
    ["^get", "to get", false],
    ["(?i)slack|jira", "Jira", true],
    ["\\S\\d", "a1", true],
    ["\\S\\d", " 1", false],
  ];
  for (const [pattern, text, expected] of cases) {
    assertEquals(patternMatcher(pattern)(text), expected, `${pattern} in ${text}`);
  }
});

Deno.test("a pattern that backtracking could not match in time is matched or refused", () => {
  assertEquals(patternMatcher("(a+)+$")(`${"a".repeat(5000)}!`), false);
  assertThrows(() => patternMatcher("(a|b)*a(a|b){200}"), ShimmyError, "pattern");
});

Deno.test("a malformed pattern is refused with a reason", () => {
  assertThrows(() => patternMatcher("get("), ShimmyError, "it is not a regular expression");
});
