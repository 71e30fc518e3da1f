import { assert, assertEquals } from "@std/assert";
import { chatIn, parsePieces } from "../../../tests/doubles/parsed.ts";
import { tools } from "../../../tests/doubles/tools.ts";
import { Random } from "../../../tests/grammar/random.ts";
import { SAMPLES } from "../../../tests/templates/samples.ts";
import type { ToolCall } from "../conversation/conversation.ts";
import { FORMATS } from "./detect.ts";

const CALLS: readonly ToolCall[] = [
  {
    id: "functions.get_weather:0",
    name: "get_weather",
    arguments: '{"city": "Paris, \\"FR\\"", "days": 12, "exact": true, "places": ["a", "b"]}',
  },
  { id: "functions.get_time:1", name: "get_time", arguments: '{"zone": "C<E>T {1}"}' },
];

function isObject(json: string): boolean {
  try {
    return typeof JSON.parse(json) === "object";
  } catch {
    return false;
  }
}

function inPieces(text: string, random: Random): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const size = random.between(1, 9);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

for (const format of FORMATS) {
  const answers = [
    { answer: format.write(CALLS), opensReasoning: false },
    ...SAMPLES.filter((sample) => sample.format === format.name)
      .map(({ answer, opensReasoning = false }) => ({ answer, opensReasoning })),
  ];

  Deno.test(`${format.name}: an answer that is cut anywhere is a start of the whole answer`, () => {
    const random = new Random(11);
    for (const { answer, opensReasoning } of answers) {
      const chat = chatIn(format, tools, opensReasoning);
      const whole = parsePieces(chat, [answer], null);
      assertEquals(whole.incompleteCall, null);
      for (let at = 0; at < answer.length; at++) {
        const start = answer.slice(0, at);
        for (const following of [null, answer.slice(at, at + random.between(1, 6))]) {
          const cut = parsePieces(chat, inPieces(start, random), { following });
          const what = JSON.stringify({ start, following, cut });
          assert(whole.text.startsWith(cut.text.trimEnd()), `text leaks: ${what}`);
          assert(whole.reasoning.startsWith(cut.reasoning), `reasoning leaks: ${what}`);
          assert(cut.calls.length <= whole.calls.length, `a call is invented: ${what}`);
          for (const [index, call] of cut.calls.entries()) {
            const expected = whole.calls[index]!;
            assertEquals(call.name, expected.name, what);
            assert(expected.arguments.startsWith(call.arguments), `invented arguments: ${what}`);
            if (index < cut.calls.length - 1) assertEquals(call, expected, what);
          }
          const last = cut.calls.at(-1);
          const incomplete = last !== undefined && !isObject(last.arguments);
          assertEquals(cut.incompleteCall, incomplete ? cut.calls.length - 1 : null, what);
        }
      }
    }
  });

  Deno.test(`${format.name}: text that a stop string cuts is kept`, () => {
    const text = "Well, 2 < 3 and f(x) = {y} [z].\nEnd";
    const chat = chatIn({ ...format, framesAnswer: false }, tools);
    const random = new Random(3);
    // In frames, text has a header.
    if (format.framesAnswer) return;
    for (let at = 1; at <= text.length; at++) {
      const start = text.slice(0, at);
      const { text: kept, calls } = parsePieces(chat, inPieces(start, random), { following: "§" });
      assertEquals([kept, calls], [start, []]);
    }
  });
}

Deno.test("JSON that is not a call stays text if it is cut", () => {
  for (const name of ["generic", "llama3-json"]) {
    const chat = chatIn(FORMATS.find((format) => format.name === name)!, tools);
    for (
      const text of [
        '{"temperature": 20, "unit": "C',
        '{"name": "Alice", "age',
        '{"name": "Ali',
        '{"nam": 1',
        "[1, 2, 3",
      ]
    ) {
      assertEquals(parsePieces(chat, [text], { following: null }).text, text);
    }
    for (const text of ['{"name": "get_we', '{"na', "{", '{"name": ', '{"arguments": {"city']) {
      assertEquals(parsePieces(chat, [text], { following: null }).text, "");
    }
  }
});

Deno.test("a call in whose name the answer ended is known", () => {
  const hermes = FORMATS.find((format) => format.name === "hermes")!;
  const chat = chatIn(hermes, tools);
  const cut = parsePieces(chat, [hermes.write(CALLS).slice(0, -40)], { following: "x" });
  assertEquals([cut.calls.length, cut.endsInCall], [2, true]);
  const inName = hermes.write(CALLS).replace(/get_time.*/s, "get");
  const named = parsePieces(chat, [inName], { following: "x" });
  assertEquals([named.calls.length, named.endsInCall, named.incompleteCall], [1, true, null]);
});
