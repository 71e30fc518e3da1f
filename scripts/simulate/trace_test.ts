import { assertEquals, assertThrows } from "@std/assert";
import { formatTrace, parseTrace, PromptTokens } from "./trace.ts";

const line = (fields: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ timestamp: 0, input_length: 10, output_length: 5, ...fields });

Deno.test("a trace is read in the order of arrival and written as it was", () => {
  const late = { timestamp: 20.5, input_length: 30, output_length: 4, conversation: "a" };
  const early = { timestamp: 3, input_length: 8, output_length: 2, replica: 1 };
  const text = `${JSON.stringify(late)}\n\n${JSON.stringify({ ...early })}\n`;
  assertEquals(parseTrace(text), [early, late]);
  assertEquals(parseTrace(formatTrace([early, late])), [early, late]);
});

Deno.test("a line that is no request is refused with its number, its field and its value", () => {
  for (
    const [fields, message] of [
      [
        { timestamp: "1" },
        'Line 2 of the trace: timestamp must be a number of milliseconds from 0 to 100000000000000, not "1"',
      ],
      [{ input_length: 0 }, "input_length must be a whole number from 1 to 10000000, not 0"],
      [{ output_length: 1.5 }, "output_length must be a whole number from 1 to 10000000, not 1.5"],
      [{ conversation: 4 }, "conversation must be a text, not 4"],
      [{ replica: -1 }, "replica must be a whole number of at least 0, not -1"],
      [{ input_length: 513, hash_ids: [1] }, "hash_ids must be a list with a block for each 512"],
      [{ hash_ids: [1], conversation: "a" }, "hash_ids must be absent"],
    ] as const
  ) {
    assertThrows(() => parseTrace(`${line({})}\n${line(fields)}`), SyntaxError, message);
  }
  assertThrows(() => parseTrace("{"), SyntaxError, "Line 1 of the trace is no JSON");
  assertThrows(() => parseTrace("null"), SyntaxError, "Line 1 of the trace: timestamp");
  assertThrows(() => parseTrace("\n"), SyntaxError, "The trace is empty");
  assertThrows(
    () => parseTrace(`${line({ conversation: "a" })}\n${line({ conversation: "a" })}`),
    SyntaxError,
    "input_length must be more than the 15 tokens of the turns before, not 10",
  );
});

Deno.test("a prompt begins with the turns before it, and other conversations share nothing", () => {
  const tokens = new PromptTokens();
  const [first, other] = parseTrace(
    [line({ conversation: "a" }), line({ conversation: "b" })].join("\n"),
  );
  const prompt = tokens.prompt(first!);
  assertEquals(prompt.length, 10);
  tokens.answered(first!, prompt, [-1, -2, -3, -4, -5]);
  const next = tokens.prompt({ ...first!, input_length: 18 });
  assertEquals(next.slice(0, 15), [...prompt, -1, -2, -3, -4, -5]);
  assertEquals(new Set([...next, ...tokens.prompt(other!)]).size, 28);
});

Deno.test("equal blocks have equal tokens", () => {
  const tokens = new PromptTokens();
  const [one] = parseTrace(line({ input_length: 600, hash_ids: [7, 8] }));
  const [a, b] = [tokens.prompt(one!), tokens.prompt({ ...one!, hash_ids: [7, 9] })];
  assertEquals(a.slice(0, 512), b.slice(0, 512));
  assertEquals(new Set([...a, ...b]).size, 512 + 2 * 88);
});
