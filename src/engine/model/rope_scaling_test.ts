import { assert, assertEquals } from "@std/assert";
import { LLAMA_ROPE_TYPE } from "../../../ffi/mod.ts";
import { ask, collect, question, tinyEngine } from "../../../tests/support/engine.ts";
import { ropeStretch } from "./rope_scaling.ts";

const FACTS = {
  trainedContext: 1024,
  ropeType: LLAMA_ROPE_TYPE.NORM,
  metadata: { "general.architecture": "llama" },
};

Deno.test("the scaling factor is the context length divided by the trained length", () => {
  assertEquals(ropeStretch(1024, FACTS), null);
  assertEquals(ropeStretch(2048, FACTS), 2);
  assertEquals(ropeStretch(2048, { ...FACTS, trainedContext: 0 }), null);
});

Deno.test("a model without rotary positions or with its own scaling is not scaled", () => {
  assertEquals(ropeStretch(2048, { ...FACTS, ropeType: LLAMA_ROPE_TYPE.NONE }), null);
  const metadata = { ...FACTS.metadata, "llama.rope.scaling.type": "yarn" };
  assertEquals(ropeStretch(2048, { ...FACTS, metadata }), null);
});

Deno.test("a scaled context is noted, reaches the model and still generates", async () => {
  const say = async (contextLength: number) => {
    await using engine = await tinyEngine({ contextLength, parallel: 1 });
    const request = ask(question("What is the capital of France?"), { logprobs: 1 });
    const { text, events } = await collect(engine.generate(request));
    const first = events[0]!;
    assert(first.type === "token");
    return { text, logprob: first.logprob!.logprob, notes: engine.info.notes };
  };
  const plain = await say(1024);
  const stretched = await say(1536);
  assertEquals(plain.notes, []);
  assertEquals(
    stretched.notes.at(-1),
    "Positions are scaled by YaRN with factor 1.5; answers can be worse",
  );
  assertEquals(stretched.text, plain.text);
  // The same words with other positions: the model is a little less or more sure of them.
  assert(stretched.logprob !== plain.logprob);
});
