import { assertEquals } from "@std/assert";
import { chatIn, parseAnswer } from "../../../tests/doubles/parsed.ts";
import { tools } from "../../../tests/doubles/tools.ts";
import type { ToolCall } from "../conversation/conversation.ts";
import { FORMATS } from "./detect.ts";

const SIZES = [1, 2, 3, 5, 8, 13, 10_000];

const CALLS: readonly ToolCall[] = [
  {
    id: "functions.get_weather:0",
    name: "get_weather",
    arguments: '{"city": "Paris, \\"FR\\"", "days": 2, "exact": true, "places": ["a", "b"]}',
  },
  { id: "functions.get_time:1", name: "get_time", arguments: '{"zone": "C<E>T {1}"}' },
];

/** The result of parsing {@linkcode CALLS}. */
const PARSED = CALLS.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) }));

for (const format of FORMATS) {
  Deno.test(`${format.name}: written calls are parsed`, () => {
    const text = format.write(CALLS);
    for (const size of SIZES) {
      assertEquals(parseAnswer(chatIn(format, tools), text, size), {
        text: "",
        reasoning: "",
        calls: PARSED,
      });
    }
  });

  Deno.test(`${format.name}: a call without arguments has an empty object`, () => {
    const text = format.write([{ id: "call00001", name: "get_time", arguments: "{}" }]);
    assertEquals(parseAnswer(chatIn(format, tools), text, 4).calls, [{
      name: "get_time",
      arguments: {},
    }]);
  });
}
