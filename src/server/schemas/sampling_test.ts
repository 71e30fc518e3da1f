import { assertEquals, assertThrows } from "@std/assert";
import * as z from "zod";
import { DEFAULT_SAMPLING } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { parse } from "../validation/validate.ts";
import {
  runFields,
  samplingFields,
  stopFields,
  toRun,
  toSampling,
  toStopConditions,
} from "./sampling.ts";

const schema = z.strictObject({ ...samplingFields, ...stopFields, ...runFields });

Deno.test("every sampling parameter of the engine has a request field", () => {
  const body = parse(schema, {
    temperature: 0.5,
    dynatemp_range: 0.25,
    dynatemp_exponent: 2,
    top_k: 7,
    top_p: 0.5,
    min_p: 0.125,
    typical_p: 0.75,
    top_n_sigma: 1.5,
    xtc_probability: 0.5,
    xtc_threshold: 0.25,
    repeat_penalty: 1.5,
    repeat_last_n: -1,
    frequency_penalty: -1,
    presence_penalty: 1,
    dry_multiplier: 0.5,
    dry_base: 2,
    dry_allowed_length: 3,
    dry_penalty_last_n: 99,
    dry_sequence_breakers: ["\n"],
    mirostat: 2,
    mirostat_tau: 4,
    mirostat_eta: 0.5,
    adaptive_target: 0.5,
    adaptive_decay: 0.25,
    min_keep: 3,
    samplers: ["top_k", "Top-P", "temp", "infill"],
    seed: 42,
    logit_bias: { "15": -2.5, "16": false },
  });
  const sampling = toSampling(body);
  assertEquals(Object.keys(sampling).sort(), Object.keys(DEFAULT_SAMPLING).sort());
  assertEquals(sampling, {
    temperature: 0.5,
    dynatempRange: 0.25,
    dynatempExponent: 2,
    topK: 7,
    topP: 0.5,
    minP: 0.125,
    typicalP: 0.75,
    topNSigma: 1.5,
    xtcProbability: 0.5,
    xtcThreshold: 0.25,
    repeatPenalty: 1.5,
    repeatLastN: -1,
    frequencyPenalty: -1,
    presencePenalty: 1,
    dryMultiplier: 0.5,
    dryBase: 2,
    dryAllowedLength: 3,
    dryPenaltyLastN: 99,
    drySequenceBreakers: ["\n"],
    mirostat: 2,
    mirostatTau: 4,
    mirostatEta: 0.5,
    adaptiveTarget: 0.5,
    adaptiveDecay: 0.25,
    minKeep: 3,
    samplers: ["top_k", "top_p", "temperature", "infill"],
    seed: 42,
    logitBias: [{ token: 15, bias: -2.5 }, { token: 16, bias: -Infinity }],
  });
});

Deno.test("fields that a request omits have their defaults", () => {
  assertEquals(toSampling(parse(schema, { temperature: null, seed: null, stop: null })), {});
});

Deno.test("a negative seed is random, and a large seed is reduced to 32 bits", () => {
  assertEquals(toSampling(parse(schema, { seed: -1 })), { seed: null });
  assertEquals(toSampling(parse(schema, { seed: 0xffff_ffff })), { seed: 0 });
  assertEquals(toSampling(parse(schema, { seed: 0x1_0000_0007 })), { seed: 8 });
});

Deno.test("a top_k of -1 keeps all tokens", () => {
  assertEquals(toSampling(parse(schema, { top_k: -1 })), { topK: 0 });
});

Deno.test("stop takes one text or a list", () => {
  assertEquals(toStopConditions(parse(schema, { stop: "x" })), { stop: ["x"], ignoreEos: false });
  assertEquals(toStopConditions(parse(schema, { stop: ["x", "y"], ignore_eos: true })), {
    stop: ["x", "y"],
    ignoreEos: true,
  });
});

Deno.test("reasoning sampling is that of the answer, except for the given fields", () => {
  const body = { reasoning_budget: 5, reasoning_sampling: { temperature: 1, seed: -1 } };
  assertEquals(toRun(parse(schema, body)), {
    reasoningBudget: 5,
    reasoningSampling: { temperature: 1, seed: null },
  });
  assertEquals(toRun(parse(schema, { reasoning_sampling: null })), {});
});

const refused: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ temperature: -1 }, "temperature: must be a number from 0 to 100"],
  [{ temperature: "hot" }, "temperature: must be a number from 0 to 100"],
  [{ top_k: 1.5 }, "top_k: must be a whole number from -1 to 2147483647"],
  [{ top_p: 1.01 }, "top_p: must be a number from 0 to 1"],
  [{ mirostat: 3 }, "mirostat: must be 0 (off), 1 or 2"],
  [{ seed: 0.5 }, "seed: must be a whole number; a negative value selects a random seed"],
  [{ stop: "" }, "stop: must be a non-empty string or a list of at most 128 of them"],
  [{ stop: [1] }, "stop: must be a non-empty string or a list of at most 128 of them"],
  [{ dry_sequence_breakers: [""] }, "dry_sequence_breakers[0]: must not be empty"],
  [
    { logit_bias: { a: 1 } },
    "logit_bias.a: must map token ids to numbers from -100 to 100, or to false to ban the token",
  ],
  [
    { logit_bias: { "1": 101 } },
    "logit_bias.1: must map token ids to numbers from -100 to 100, or to false to ban the token",
  ],
  [{ temprature: 1 }, "temprature: is not a known field"],
  [{ reasoning_sampling: 1 }, "reasoning_sampling: must be an object of sampling fields"],
  [
    { reasoning_sampling: { top_p: 2 } },
    "reasoning_sampling.top_p: must be a number from 0 to 1",
  ],
  [
    { reasoning_sampling: { stop: "x" } },
    "reasoning_sampling.stop: is not a known field",
  ],
];

for (const [body, message] of refused) {
  Deno.test(`${JSON.stringify(body)} is refused by name`, () => {
    const error = assertThrows(() => parse(schema, body), ShimmyError);
    assertEquals(error.message, message);
  });
}

Deno.test("the fields can be written as JSON Schema", () => {
  const json = z.toJSONSchema(schema, { io: "input" }) as { properties: Record<string, unknown> };
  assertEquals(Object.keys(json.properties), Object.keys(schema.shape));
});

Deno.test("more samplers than 32, and sequence breakers than 16, are refused", () => {
  for (const samplers of ["k".repeat(33), Array(33).fill("top_k")]) {
    assertThrows(() => parse(schema, { samplers }), ShimmyError, "must be a list of at most 32 of");
  }
  assertEquals(toSampling(parse(schema, { samplers: "k".repeat(32) })).samplers?.length, 32);
  const breakers = Array(17).fill("\n");
  const error = "dry_sequence_breakers: must have at most 16 entries";
  assertThrows(() => parse(schema, { dry_sequence_breakers: breakers }), ShimmyError, error);
});
