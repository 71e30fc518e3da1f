import { assertEquals, assertStrictEquals } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import type { SequenceRequest } from "../../engine/protocol/mod.ts";
import { withRequestDefaults } from "./sampling_defaults.ts";

const REQUEST: SequenceRequest = {
  prompt: [{ text: "Hi", special: true }],
  maxTokens: 1,
  sampling: { topK: 3, seed: 1 },
  stop: [],
};
/** Nothing reads the events. */
const IGNORED = { event() {}, flush() {}, end() {} };
const REASONING = { open: "<think>", close: "</think>", isOpen: false };

async function reaches(
  defaults: Parameters<typeof withRequestDefaults>[1],
  request: Partial<SequenceRequest>,
) {
  await using double = new EngineDouble();
  withRequestDefaults(double, defaults).generate({ ...REQUEST, ...request }, IGNORED);
  const { sampling, reasoning } = double.requests[0]!;
  return { sampling, reasoning };
}

Deno.test("a request overrides the defaults field by field", async () => {
  assertEquals(await reaches({ sampling: { topK: 9, topP: 0.5 } }, {}), {
    sampling: { topK: 3, topP: 0.5, seed: 1 },
    reasoning: undefined,
  });
});

Deno.test("reasoning defaults override the model's sampling, the request overrides both", async () => {
  const defaults = { sampling: { topP: 0.5 }, reasoningSampling: { topP: 0.9, topK: 9, minP: 0 } };
  const { sampling, reasoning } = await reaches(defaults, {
    reasoning: { ...REASONING, tokens: 7, sampling: { minP: 0.2 } },
  });
  assertEquals(sampling, { topK: 3, topP: 0.5, seed: 1 });
  assertEquals(reasoning, {
    ...REASONING,
    tokens: 7,
    sampling: { topP: 0.9, topK: 3, minP: 0.2, seed: 1 },
  });
});

Deno.test("reasoning defaults do not apply to a request without reasoning", async () => {
  assertEquals((await reaches({ reasoningSampling: { topP: 0.9 } }, {})).reasoning, undefined);
});

Deno.test("without defaults the engine is the same", async () => {
  await using double = new EngineDouble();
  assertStrictEquals(withRequestDefaults(double, undefined), double);
  assertStrictEquals(withRequestDefaults(double, { sampling: {} }), double);
});

Deno.test("all wrappers with a template have the same info, which threads receive once", async () => {
  await using double = new EngineDouble();
  const wrap = (chatTemplate: string) => withRequestDefaults(double, { chatTemplate }).info;
  const first = wrap("{{ messages }}");
  assertEquals(first.chatTemplate, "{{ messages }}");
  assertStrictEquals(wrap("{{ messages }}"), first);
  assertEquals(wrap("other").chatTemplate, "other");
});

Deno.test("the model's token limit applies to requests without one", async () => {
  await using double = new EngineDouble();
  const engine = withRequestDefaults(double, { maxTokens: 7 });
  engine.generate({ ...REQUEST, maxTokens: null }, IGNORED);
  engine.generate({ ...REQUEST, maxTokens: 9 }, IGNORED);
  engine.generate({ ...REQUEST, maxTokens: 0 }, IGNORED);
  assertEquals(double.requests.map(({ maxTokens }) => maxTokens), [7, 9, 0]);
});

Deno.test("the model's system message is part of its engine", async () => {
  await using double = new EngineDouble();
  assertEquals(withRequestDefaults(double, { system: "Be brief" }).defaultSystem, "Be brief");
});

Deno.test("the model's stop strings are added to those of a request", async () => {
  await using double = new EngineDouble();
  const engine = withRequestDefaults(double, { stop: ["a", "b"] });
  engine.generate({ ...REQUEST, stop: ["b", "c"] }, IGNORED);
  assertEquals(double.requests[0]?.stop, ["b", "c", "a"]);
});

Deno.test("the model's template replaces those of the file", async () => {
  await using double = new EngineDouble();
  const { info } = withRequestDefaults(double, { chatTemplate: "{{ messages }}" });
  assertEquals([info.chatTemplate, info.toolTemplate], ["{{ messages }}", null]);
  assertEquals(info.contextLength, double.info.contextLength);
});
