import { assertEquals } from "@std/assert";
import { PhaseTracker } from "./phase_tracker.ts";

/** One token per character. */
const TOKEN_TEXT = {
  textOf: (token: number) => String.fromCodePoint(token),
  tokensOf: (text: string) => [...text].map((character) => character.codePointAt(0)!),
};

/** Output if the model samples `text`. */
function say(text: string, tokens: number, isOpen = false): string {
  const limit = { open: "<t>", close: "</t>", isOpen, tokens };
  const tracker = new PhaseTracker(limit, TOKEN_TEXT);
  let said = "";
  for (const character of text) {
    while (tracker.forcedToken !== null) {
      said += TOKEN_TEXT.textOf(tracker.forcedToken);
      tracker.accept(tracker.forcedToken);
    }
    said += character;
    tracker.accept(character.codePointAt(0)!);
  }
  return said;
}

Deno.test("reasoning within its budget is unchanged", () => {
  assertEquals(say("<t>ab</t>yes", 5), "<t>ab</t>yes");
  assertEquals(say("ab</t>yes", 9, true), "ab</t>yes");
});

Deno.test("reasoning over its budget is closed by forced tokens", () => {
  assertEquals(say("<t>abcdef", 3), "<t>abc</t>def");
  assertEquals(say("abcdef", 2, true), "ab</t>cdef");
  assertEquals(say("abcdef", 0, true), "</t>abcdef");
  assertEquals(say("<t>abc", 0), "<t></t>abc");
});

Deno.test("reasoning that is ended is closed by forced tokens, and only then", () => {
  const limit = { open: "<t>", close: "</t>", isOpen: true };
  const tracker = new PhaseTracker(limit, TOKEN_TEXT);
  tracker.accept(97);
  assertEquals(tracker.forcedToken, null);
  tracker.end();
  assertEquals(tracker.forcedToken, "<".codePointAt(0));
  for (const token of TOKEN_TEXT.tokensOf("</t>")) tracker.accept(token);
  assertEquals([tracker.forcedToken, tracker.stage], [null, "after"]);
  tracker.end();
  assertEquals(tracker.forcedToken, null);
});

Deno.test("an answer without reasoning is unchanged", () => {
  assertEquals(say("yes <t>abcdef", 1), "yes <t>abcdef");
  assertEquals(say("\n <t>abc", 1), "\n <t>a</t>bc");
});
