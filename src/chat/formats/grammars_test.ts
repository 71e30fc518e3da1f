import { assert, assertEquals } from "@std/assert";
import { chatIn, parseAnswer } from "../../../tests/doubles/parsed.ts";
import { matches, parseGbnf, sampler } from "../../../tests/grammar/gbnf.ts";
import { Random } from "../../../tests/grammar/random.ts";
import { GrammarBuilder } from "../../grammar/mod.ts";
import type { Tool, ToolCall } from "../conversation/conversation.ts";
import { GrammarRules } from "./shared/gbnf.ts";
import { FORMATS } from "./detect.ts";
import type { ToolFormat } from "./shared/format.ts";

const tools: readonly Tool[] = [
  {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: {
        city: { type: "string" },
        days: { type: "integer", minimum: 1, maximum: 9 },
        exact: { type: "boolean" },
        unit: { enum: ["C", "F"] },
      },
      required: ["city", "days"],
    },
  },
  {
    name: "get_time",
    parameters: {
      type: "object",
      properties: { zone: { type: "string" }, day: { type: "number" } },
      required: ["zone"],
    },
  },
];

const CALLS: readonly ToolCall[] = [
  {
    id: "call00001",
    name: "get_weather",
    arguments: '{"city": "Paris, \\"FR\\"", "days": 2, "exact": true, "unit": "C"}',
  },
  { id: "call00002", name: "get_time", arguments: '{"zone": "C<E>T"}' },
];

function grammarOf(format: ToolFormat, parallel: boolean) {
  const rules = new GrammarRules(new GrammarBuilder());
  return parseGbnf(rules.print(format.grammar(tools, rules, parallel)));
}

for (const format of FORMATS) {
  Deno.test(`${format.name}: the grammar accepts what the model writes`, () => {
    const one = grammarOf(format, false);
    for (const call of CALLS) {
      const text = format.write([call]).replace(/<\|call\|>$/, "");
      assert(matches(one, text), text);
      assert(format.triggers(tools).some((trigger) => text.includes(trigger)), text);
    }
    if (format.name !== "harmony") {
      assertEquals(matches(one, format.write(CALLS)), false);
      assert(matches(grammarOf(format, true), format.write(CALLS)), format.write(CALLS));
    }
  });

  Deno.test(`${format.name}: every sentence of the grammar is parsed as a call`, () => {
    const make = sampler(grammarOf(format, false), new Random(7));
    for (let round = 0; round < 60; round++) {
      const text = make();
      const { calls, ...rest } = parseAnswer(chatIn(format, tools), text, 3);
      assertEquals(rest, { text: "", reasoning: "" }, text);
      assertEquals(calls.length, 1, text);
      const tool = tools.find(({ name }) => name === calls[0]!.name)!;
      const given = calls[0]!.arguments as Record<string, unknown>;
      for (const key of tool.parameters["required"] as string[]) {
        assert(key in given, `${text} lacks ${key}`);
      }
      for (const [key, value] of Object.entries(given)) {
        const schema = (tool.parameters["properties"] as Record<string, { type?: string }>)[key]!;
        const type = typeof value === "number" && schema.type === "integer"
          ? "integer"
          : typeof value;
        assertEquals(type, schema.type ?? "string", text);
      }
    }
  });
}
