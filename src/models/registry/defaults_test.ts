import { assertEquals, assertStrictEquals } from "@std/assert";
import { EngineDouble } from "../../../tests/doubles/engine.ts";
import type { SequenceRequest } from "../../engine/protocol/mod.ts";
import { withSamplingDefaults } from "./defaults.ts";

const REQUEST: SequenceRequest = {
  prompt: [{ text: "Hi", special: true }],
  maxTokens: 1,
  sampling: { topK: 3, seed: 1 },
  stop: [],
};
const REASONING = { open: "<think>", close: "</think>", isOpen: false };

async function reaches(
  defaults: Parameters<typeof withSamplingDefaults>[1],
  request: Partial<SequenceRequest>,
) {
  await using double = new EngineDouble();
  withSamplingDefaults(double, defaults).generate({ ...REQUEST, ...request });
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
  assertStrictEquals(withSamplingDefaults(double, undefined), double);
  assertStrictEquals(withSamplingDefaults(double, { sampling: {} }), double);
});
