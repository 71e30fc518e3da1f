import { assertEquals, assertThrows } from "@std/assert";
import { EngineDouble } from "../../../../../tests/doubles/engine.ts";
import { ShimmyError } from "../../../../errors.ts";
import { parse } from "../../../validation/validate.ts";
import { checkLoaded, optionsSchema, toAnswerOptions } from "./options.ts";

/** Loaded with less than it was trained on, and half of it on a GPU. */
const { info } = new EngineDouble({
  info: {
    contextLength: 1024,
    trainedContext: 4096,
    batchSize: 512,
    threads: 2,
    layers: 4,
    offloadedLayers: 2,
  },
});

function refusal(options: Record<string, unknown>, loaded = info): string {
  return assertThrows(() => checkLoaded(parse(optionsSchema, options), loaded), ShimmyError)
    .message;
}

Deno.test("every sampling option reaches the sampler", () => {
  const { sampling, stop, maxTokens } = toAnswerOptions(parse(optionsSchema, {
    num_predict: 5,
    temperature: 0.1,
    top_k: 3,
    top_p: 0.4,
    min_p: 0.2,
    typical_p: 0.7,
    repeat_penalty: 1.1,
    repeat_last_n: 32,
    presence_penalty: 0.5,
    frequency_penalty: 0.6,
    mirostat: 2,
    mirostat_tau: 4,
    mirostat_eta: 0.3,
    seed: 42,
    stop: ["a", "b"],
  }));
  assertEquals(sampling, {
    temperature: 0.1,
    topK: 3,
    topP: 0.4,
    minP: 0.2,
    typicalP: 0.7,
    repeatPenalty: 1.1,
    repeatLastN: 32,
    presencePenalty: 0.5,
    frequencyPenalty: 0.6,
    mirostat: 2,
    mirostatTau: 4,
    mirostatEta: 0.3,
    seed: 42,
  });
  assertEquals({ stop, maxTokens }, { stop: ["a", "b"], maxTokens: 5 });
});

Deno.test("a num_predict that is not positive means until the context is full", () => {
  for (const num_predict of [-2, -1, 0, null]) {
    assertEquals(toAnswerOptions(parse(optionsSchema, { num_predict })).maxTokens, null);
  }
});

Deno.test("options that do not change the answer are accepted, and defaults of all others", () => {
  const options = parse(optionsSchema, {
    num_ctx: 512,
    num_batch: 64,
    num_thread: 8,
    num_gpu: 0,
    num_keep: 4,
    main_gpu: 1,
    use_mmap: false,
    use_mlock: true,
    low_vram: true,
    numa: true,
    f16_kv: false,
    draft_num_predict: 4,
    vocab_only: false,
    logits_all: false,
    embedding_only: false,
    penalize_newline: true,
    tfs_z: 1,
  });
  checkLoaded(options, info);
  assertEquals(toAnswerOptions(options), {
    sampling: {},
    stop: [],
    maxTokens: null,
    contextLength: 512,
  });
});

Deno.test("fields next to options apply if options have no value", () => {
  const body = { temperature: 0.1, top_p: 0.2, max_output_tokens: 9, max_tokens: 8, stop: "x" };
  assertEquals(toAnswerOptions({}, body), {
    sampling: { temperature: 0.1, topP: 0.2 },
    stop: ["x"],
    maxTokens: 9,
  });
  const options = parse(optionsSchema, { temperature: 0.5, num_predict: 3, stop: ["y"] });
  assertEquals(toAnswerOptions(options, body), {
    sampling: { temperature: 0.5, topP: 0.2 },
    stop: ["y"],
    maxTokens: 3,
  });
});

Deno.test("a context larger than the loaded one is refused unless there is no larger one", () => {
  assertEquals(
    refusal({ num_ctx: 2048 }),
    "options.num_ctx: must be at most 1024, as the model is loaded; " +
      "start the server with another --ctx",
  );
  const whole = { ...info, trainedContext: 1024 };
  checkLoaded(parse(optionsSchema, { num_ctx: 8192 }), whole);
});

const REFUSED: readonly (readonly [string, unknown])[] = [
  ["use_mmap", "yes"],
  ["vocab_only", true],
  ["logits_all", true],
  ["embedding_only", true],
  ["penalize_newline", false],
  ["tfs_z", 0.5],
  ["typical_p", 2],
  ["mirostat", 3],
  ["num_predict", -3],
  ["warmth", 1],
];

for (const [name, value] of REFUSED) {
  Deno.test(`options.${name} ${value} is refused by name`, () => {
    const error = assertThrows(() => parse(optionsSchema, { [name]: value }), ShimmyError);
    assertEquals(error.field, name);
  });
}
