import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import { TINY_TEMPLATE } from "../../../tests/doubles/tiny_template.ts";
import { chatInput } from "../../../tests/support/chat_request.ts";
import { matches, parseGbnf } from "../../../tests/grammar/gbnf.ts";
import { ShimmyError } from "../../errors.ts";
import { constraintOf } from "./constraint.ts";
import type { Format, Tool } from "../conversation/conversation.ts";
import { type ChatInput, renderChat } from "../prompt/prompt.ts";

const tools: readonly Tool[] = ["get_weather", "get_time"].map((name) => ({
  name,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
}));

async function constrain(
  values: Partial<ChatInput>,
  format: Format = { type: "text" },
  chatTemplate = TINY_TEMPLATE,
) {
  const input = chatInput(values);
  const { info } = new EngineDouble({ info: { chatTemplate } });
  return (await constraintOf({ input, format }, await renderChat(info, input)))?.grammar ?? null;
}

const call = (name: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": {"city": "Rome"}}\n</tool_call>`;

Deno.test("text without tools is unconstrained", async () => {
  assertEquals(await constrain({}), null);
});

/** The tiny model's template, with reasoning that can be disabled. */
const REASONING = `${TINY_TEMPLATE}{# enable_thinking #}`;

Deno.test("a required call may only follow reasoning", async () => {
  const forced = { tools, toolChoice: { type: "required" } } as const;
  const constraint = await constrain(forced, { type: "text" }, REASONING);
  assertEquals(constraint?.triggers, undefined);
  const grammar = parseGbnf(constraint!.source);
  assert(matches(grammar, call("get_time")));
  assert(matches(grammar, `<think>\nI <wonder>.\n</think>\n\n${call("get_time")}`));
  assert(matches(grammar, `${call("get_time")}\n${call("get_weather")}`));
  assert(!matches(grammar, `Hello ${call("get_time")}`));
  assert(!matches(grammar, call("get_money")));
  const off = { ...forced, templateArguments: { enable_thinking: false } };
  for (const other of [await constrain(forced), await constrain(off, undefined, REASONING)]) {
    assert(!matches(parseGbnf(other!.source), `<think>so</think>${call("get_time")}`));
  }
});

Deno.test("without parallel calls exactly one call is allowed", async () => {
  const constraint = await constrain({
    tools,
    toolChoice: { type: "required" },
    parallelToolCalls: false,
  });
  const grammar = parseGbnf(constraint!.source);
  assert(matches(grammar, call("get_time")));
  assert(!matches(grammar, `${call("get_time")}\n${call("get_weather")}`));
});

Deno.test("only a named tool can be called", async () => {
  const constraint = await constrain({ tools, toolChoice: { type: "named", name: "get_time" } });
  const grammar = parseGbnf(constraint!.source);
  assert(matches(grammar, call("get_time")));
  assert(!matches(grammar, call("get_weather")));
});

Deno.test("an impossible call is refused by name", async () => {
  await assertRejects(
    () => constrain({ tools, toolChoice: { type: "named", name: "get_money" } }),
    ShimmyError,
    "tool_choice: there is no tool named 'get_money'",
  );
  await assertRejects(
    () => constrain({ toolChoice: { type: "required" } }),
    ShimmyError,
    "tool_choice: a call is required, but there are no tools",
  );
});

Deno.test("with tool choice auto, a call is constrained to its schema from its start", async () => {
  const constraint = await constrain({ tools });
  assertEquals(constraint?.triggers, ["(<tool_call>)"]);
  assert(matches(parseGbnf(constraint!.source), call("get_time")));
});

Deno.test("JSON may follow reasoning", async () => {
  const schema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  const constraint = await constrain({}, { type: "json_schema", schema }, REASONING);
  const grammar = parseGbnf(constraint!.source);
  assert(matches(grammar, '{"n": 1}'));
  assert(matches(grammar, '<think>so</think>\n{"n": 1}'));
  assert(!matches(grammar, '{"n": "x"}'));
  const object = await constrain({}, { type: "json_object" });
  assert(matches(parseGbnf(object!.source), '{"n": "x"}'));
  assert(!matches(parseGbnf(object!.source), "[]"));
});

Deno.test("with tools, JSON or a call is allowed", async () => {
  const constraint = await constrain({ tools }, { type: "json_object" });
  const grammar = parseGbnf(constraint!.source);
  assert(matches(grammar, "{}"));
  assert(matches(grammar, call("get_time")));
});

Deno.test("JSON is inside the model's answer frame", async () => {
  const template = "{{ '<|start|>assistant' }}{# <|channel|> #}";
  const constraint = await constrain({}, { type: "json_object" }, template);
  const grammar = parseGbnf(constraint!.source);
  assert(matches(grammar, "<|channel|>final<|message|>{}"));
  assert(matches(
    grammar,
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>{}",
  ));
  assert(!matches(grammar, "{}"));
});

Deno.test("a request's own grammar is unchanged", async () => {
  const source = 'root ::= "yes" | "no"';
  assertEquals(await constrain({}, { type: "grammar", source }), { source });
  const opened = await constrain(
    {},
    { type: "grammar", source },
    "{{ '<think>' }}{# </think> #}",
  );
  assert(matches(parseGbnf(opened!.source), "Well.</think>\nyes"));
});

Deno.test("a tool with an unsupported schema can still be called", async () => {
  const odd: Tool[] = [{
    name: "odd",
    parameters: { type: "object", properties: { a: { $ref: "#/nowhere" } } },
  }];
  const constraint = await constrain({ tools: odd, toolChoice: { type: "required" } });
  const grammar = parseGbnf(constraint!.source);
  assert(matches(grammar, '<tool_call>\n{"name": "odd", "arguments": {"a": [1]}}\n</tool_call>'));
});

Deno.test("an unsupported schema is refused", async () => {
  const schema = { type: "nothing" };
  const error = await assertRejects(
    () => constrain({}, { type: "json_schema", schema }),
    ShimmyError,
  );
  assertStringIncludes(error.message, "json_schema");
});

Deno.test("a regular expression matches the whole text", async () => {
  const constraint = await constrain({}, {
    type: "regex",
    pattern: "^[0-9]{2,3}$|é\n",
    field: "regex",
  });
  const grammar = parseGbnf(constraint!.source);
  const texts = ["12", "123", "é\n", "1", "1234", "x12", '"12"', "é"];
  assertEquals(texts.filter((text) => matches(grammar, text)), ["12", "123", "é\n"]);
});

Deno.test("an expression that a grammar cannot express is refused by its field", async () => {
  for (const pattern of ["(?=a)b", "a{99999}", "(", "a^b"]) {
    const error = await assertRejects(
      () => constrain({}, { type: "regex", pattern, field: "guided_regex" }),
      ShimmyError,
    );
    assertEquals(error.field, "guided_regex");
  }
});

Deno.test("a choice is one of its texts, after the reasoning too", async () => {
  const texts = ['a "b"', "c\nd"];
  const plain = await constrain({}, { type: "choice", texts });
  const grammar = parseGbnf(plain!.source);
  assertEquals([...texts, "a", "c"].filter((text) => matches(grammar, text)), texts);
  const opened = await constrain({}, { type: "choice", texts }, "{{ '<think>' }}{# </think> #}");
  assert(matches(parseGbnf(opened!.source), "Hm.</think>\nc\nd"));
});

Deno.test("a schema is refused by the field that sent it", async () => {
  const format = { type: "json_schema", schema: { type: "x" }, field: "guided_json" } as const;
  const error = await assertRejects(() => constrain({}, format), ShimmyError);
  assertEquals(error.field, "guided_json");
});

Deno.test("a grammar is built once for all requests with the same schema", async () => {
  const { info } = new EngineDouble({ info: { chatTemplate: TINY_TEMPLATE } });
  const input = chatInput({});
  const builds = async (schema: Record<string, unknown>) => {
    let count = 0;
    const format = { type: "json_schema", schema } as const;
    await constraintOf({ input, format }, await renderChat(info, input), () => count++);
    return count;
  };
  const enumOf = (value: string) => ({ enum: [value, "known or not"] });
  assertEquals(await builds(enumOf("a")), 1);
  assertEquals(await builds(enumOf("a")), 0);
  assertEquals(await builds(enumOf("b")), 1);
});
