import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fileURLToPath } from "node:url";
import { loadModel, type LoadModelOptions, ShimmyError } from "./mod.ts";

const TINY = fileURLToPath(new URL("../assets/tiny/shimmy-tiny.gguf", import.meta.url));

const load = (options: LoadModelOptions = {}) =>
  loadModel({ model: TINY, gpuBackend: "cpu", threads: 1, ...options });

Deno.test("a program answers with a model, without a server", async () => {
  await using model = await load();
  assertEquals(model.name, "shimmy-tiny");
  const question = "What is the capital of France?";
  const pieces: string[] = [];
  const answer = model.generate(question, { temperature: 0 });
  for await (const text of answer) pieces.push(text);
  assertEquals(pieces.join(""), "The capital of France is Paris.");
  assert(pieces.length > 1, pieces.join("|"));
  const { text, finishReason, usage } = await answer.result();
  assertEquals([text, finishReason], ["The capital of France is Paris.", "stop"]);
  assertEquals(usage?.completionTokens, 9);

  const { text: spoken } = await model.generate([{ role: "user", content: question }], {
    temperature: 0,
    stop: [" Paris"],
  }).result();
  assertEquals(spoken, "The capital of France is");
});

Deno.test("options of a load and of an answer take effect", async () => {
  await using model = await load({ contextLength: 256, parallel: 3 });
  assertEquals([model.info.contextLength, model.info.parallel, model.info.threads], [256, 3, 1]);

  const short = await model.generate("Count from 1 to 40.", { maxTokens: 4, temperature: 0 })
    .result();
  assertEquals([short.finishReason, short.usage?.completionTokens], ["length", 4]);

  const schema = { type: "object", properties: { a: { type: "boolean" } }, required: ["a"] };
  const format = {
    type: "json_schema",
    schema: { ...schema, additionalProperties: false },
  } as const;
  const { text } = await model.generate("Hello", { format, seed: 1 }).result();
  assertEquals(typeof JSON.parse(text).a, "boolean");

  const seeded = () => model.generate("Tell me a story.", { temperature: 2, seed: 7 }).result();
  assertEquals((await seeded()).text, (await seeded()).text);

  const raw = await model.generate("abc", { raw: true, maxTokens: 1 }).result();
  const chat = await model.generate("abc", { maxTokens: 1, system: "Be brief." }).result();
  assert(raw.usage!.promptTokens < chat.usage!.promptTokens);
});

Deno.test("an answer that is left or aborted is cancelled", async () => {
  await using model = await load();
  const left = model.generate("Count from 1 to 40.", { temperature: 0 });
  for await (const _ of left) break;
  assertEquals((await left.result()).finishReason, "cancelled");

  const controller = new AbortController();
  const aborted = model.generate("Count from 1 to 40.", { signal: controller.signal });
  for await (const _ of aborted) controller.abort();
  assertEquals((await aborted.result()).finishReason, "cancelled");
  const early = model.generate("Hello", { signal: AbortSignal.abort() });
  assertEquals((await early.result()).text, "");
});

Deno.test("texts become vectors of length 1, and tokens become text again", async () => {
  await using model = await load();
  const { vectors, tokens } = await model.embed(["Paris", "Tokyo is a city."]);
  assertEquals([vectors.length, tokens.length], [2, 2]);
  for (const vector of vectors) assert(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
  const { vectors: [longer] } = await model.embed(["Paris"], { normalize: false });
  assert(Math.abs(Math.hypot(...longer!) - 1) > 1e-3);

  const ids = await model.tokenize("What is the capital?");
  assertEquals(await model.detokenize(ids), "What is the capital?");
});

Deno.test("an unsupported call is an error that names the reason", async () => {
  const unknown = await assertRejects(() => load({ model: "no-such-model" }), ShimmyError);
  assertEquals(unknown.kind, "not_found");
  assertStringIncludes(unknown.message, "Model 'no-such-model' not found");
  await assertRejects(() => load({ contextLength: -1 }), RangeError, "contextLength: must be");
  await assertRejects(() => load({ parallel: 0 }), RangeError, "parallel: must be");
  await assertRejects(() => load({ gpuLayers: 1.5 }), RangeError, "gpuLayers: must be");

  await using model = await load({ contextLength: 256 });
  const long = model.generate("word ".repeat(400));
  assertEquals((await assertRejects(() => long.result(), ShimmyError)).kind, "context_length");
  assertThrows(() => model.generate([], { raw: true }), TypeError, "raw: the prompt must be");
  const system = { raw: true, system: "x" };
  assertThrows(() => model.generate("a", system), TypeError, "system: has no effect with raw");
});
