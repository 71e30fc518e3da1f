import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
} from "@std/assert";
import { bertModel, ENCODERS, qwenModel, TINY_SHAPE } from "../../../tests/models/encoders.ts";
import { distance, embedSeparately, texts, withModel } from "../../../tests/support/encoders.ts";
import {
  ask,
  collect,
  PIRATE_LORA,
  question,
  tinyEngine,
  tinyOptions,
} from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";
import { EngineFlags } from "../native/shared_flags.ts";
import { NativeGate } from "../native/native_gate.ts";
import { loadModel } from "../loading/load_model.ts";
import type { EmbedInput, EmbedRequest } from "../protocol/mod.ts";

/** Tolerance: without flash attention, batching changes the order of float additions. */
const ROUNDING = 2e-5;

/** Texts of one to ninety words in mixed order of length. */
const MANY = Array.from(
  { length: 120 },
  (_, index) =>
    Array.from({ length: 1 + (index * 37) % 90 }, (_, at) => word(index + at)).join(" "),
);

function word(seed: number): string {
  return String.fromCharCode(97 + (seed * 7) % 26);
}

async function refused(engine: Engine, request: EmbedRequest): Promise<ShimmyError> {
  return await assertRejects(() => engine.embed(request), ShimmyError);
}

for (const model of ["bert-mean", "bert-cls", "qwen3-last", "qwen3-mean"] as const) {
  Deno.test(`${model} embeds texts in one request as it embeds each alone, in order`, async () => {
    await withModel(ENCODERS[model](), async (engine) => {
      const together = await engine.embed(texts(MANY));
      const alone = await embedSeparately(engine, MANY);
      assertEquals(together.vectors.length, MANY.length);
      for (const [index, vector] of together.vectors.entries()) {
        assertLess(distance(vector, alone[index]!), ROUNDING, MANY[index]);
        assertAlmostEquals(Math.hypot(...vector), 1, 1e-6);
      }
    }, { flashAttention: "off" });
  });
}

Deno.test("a batch takes texts up to its token limit", async () => {
  await withModel(bertModel("mean", { ...TINY_SHAPE, context: 512 }), async (engine) => {
    const batches = async (list: readonly string[]) => {
      const before = (await engine.status()).embedding!;
      await engine.embed(texts(list));
      const after = (await engine.status()).embedding!;
      assertEquals(after.inputs - before.inputs, list.length);
      return after.batches - before.batches;
    };
    // A letter and the two special tokens make three tokens; 170 of them fit in 512.
    assertEquals(await batches(Array(170).fill("a")), 1);
    assertEquals(await batches(Array(171).fill("a")), 2);
    const long = Array(254).fill("a").join(" ");
    assertEquals(await batches([long, long]), 1);
    assertEquals(await batches([long, long, "a"]), 2);
  });
  await withModel(bertModel("mean"), async (engine) => {
    await engine.embed(texts(Array(100).fill("a")));
    // The limit of this model is 96 tokens: 32 texts per batch.
    assertEquals((await engine.status()).embedding!.batches, 4);
  });
  await withModel(bertModel("mean"), async (engine) => {
    await engine.embed(texts(Array(12).fill("a")));
    assertEquals((await engine.status()).embedding!.batches, 2);
  }, { batchSize: 18 });
});

Deno.test("models of any context length embed with any batch size", async () => {
  for (const [context, batchSize] of [[300, 0], [514, 0], [96, 18], [7, 0], [100, 1]] as const) {
    await withModel(bertModel("mean", { ...TINY_SHAPE, context }), async (engine) => {
      const longest = Array(context - 2).fill("a").join(" ");
      const { tokens } = await engine.embed(texts(["a", longest, "b", "c"]));
      assertEquals(tokens, [3, context, 3, 3]);
    }, { batchSize });
  }
});

Deno.test("concurrent requests are batched, and a large one does not delay small ones", async () => {
  await withModel(bertModel("cls"), async (engine) => {
    const ended: string[] = [];
    const note = (name: string) => () => void ended.push(name);
    await Promise.all([
      engine.embed(texts(Array(960).fill("a"))).then(note("large")),
      ...Array.from({ length: 8 }, () => engine.embed(texts(["b"])).then(note("small"))),
    ]);
    assertEquals(ended, [...Array(8).fill("small"), "large"]);
    const { embedding } = await engine.status();
    assertEquals(embedding!.inputs, 968);
    assertLess(embedding!.batches, 35);
  });
});

Deno.test("a cancelled request is not computed further, and others are not affected", async () => {
  await withModel(bertModel("cls"), async (engine) => {
    const caller = new AbortController();
    // A small request that arrived with the large one completes after the first batch.
    const large = engine.embed(texts(Array(960).fill("a")), caller.signal);
    const other = engine.embed(texts(Array(64).fill("b")));
    await engine.embed(texts(["c"]));
    caller.abort();
    assertEquals((await assertRejects(() => large, ShimmyError)).kind, "cancelled");
    const early = await assertRejects(
      () => engine.embed(texts(["d"]), caller.signal),
      ShimmyError,
    );
    assertEquals(early.kind, "cancelled");
    assertEquals((await other).vectors.length, 64);
    const { embedding } = await engine.status();
    assertEquals(embedding!.queued, 0);
    assertLess(embedding!.inputs, 500);
  });
});

Deno.test("a text at the limit is embedded, a longer one is refused with both numbers", async () => {
  const cases = [[bertModel("mean"), 2], [bertModel("cls"), 2], [qwenModel("last"), 1]] as const;
  for (const [model, marks] of cases) {
    await withModel(model, async (engine) => {
      assertEquals(engine.info.contextLength, 96);
      const longest = Array(96 - marks).fill("a").join(" ");
      const { tokens } = await engine.embed(texts([longest]));
      assertEquals(tokens, [96]);
      const error = await refused(engine, texts(["a", `${longest} a`]));
      assertEquals(
        [error.kind, error.field, error.message],
        ["context_length", "input[1]", "input[1] has 97 tokens, but the model takes 96"],
      );
    });
  }
});

Deno.test("a truncated text keeps its first tokens and the end token", async () => {
  await withModel(bertModel("cls"), async (engine) => {
    const long = Array(500).fill("a b c").join(" ");
    const { vectors, tokens } = await engine.embed(texts([long, "d"], { truncate: true }));
    assertEquals(tokens, [96, 3]);
    const kept = long.split(" ").slice(0, 94).join(" ");
    assertEquals(vectors, (await engine.embed(texts([kept, "d"]))).vectors);
  });
});

Deno.test("token ids are embedded unchanged; empty and unknown ones are refused by field", async () => {
  await withModel(bertModel("mean"), async (engine) => {
    const embed = (tokens: readonly number[]) => ({
      inputs: [{ field: "input[0]", tokens }],
      normalize: true,
    });
    const ids = await engine.tokenize([{ text: "hello", special: false }], false);
    const whole = await engine.embed(embed([2, ...ids, 3]));
    assertEquals(whole.vectors, (await engine.embed(texts(["hello"]))).vectors);
    const bare = await engine.embed(embed(ids));
    assertEquals(bare.tokens, [ids.length]);
    assertGreater(distance(bare.vectors[0]!, whole.vectors[0]!), 1e-3);
    const none = await refused(engine, embed([]));
    assertEquals([none.kind, none.message], ["invalid", "input[0]: must not be empty"]);
    const unknown = await refused(engine, embed([300]));
    assertEquals(
      [unknown.kind, unknown.field, unknown.message],
      ["invalid", "input[0]", "input[0]: token 300 is not in the vocabulary (0 to 299)"],
    );
  });
});

Deno.test("vectors have unit length only with normalize", async () => {
  await withModel(bertModel("mean"), async (engine) => {
    const { vectors: [raw] } = await engine.embed(texts(["hello"], { normalize: false }));
    const { vectors: [unit] } = await engine.embed(texts(["hello"]));
    const length = Math.hypot(...raw!);
    assertGreater(Math.abs(length - 1), 0.01);
    assertLess(distance(unit!, raw!.map((value) => value / length)), 1e-6);
  });
});

Deno.test("requests that the model kind does not support are refused", async () => {
  const pair: EmbedInput = { field: "documents[0]", query: "a", document: "b" };
  const text: EmbedInput = { field: "input", text: "a" };
  const cases = [
    [
      bertModel("mean"),
      "embedding",
      pair,
      "model: cannot score documents; it is not a reranking model",
      "model: computes embeddings and does not generate text",
    ],
    [
      bertModel("rank"),
      "rerank",
      text,
      "model: cannot compute embeddings; it is a reranking model",
      "model: scores documents and does not generate text",
    ],
  ] as const;
  for (const [model, kind, input, message, refusal] of cases) {
    await withModel(model, async (engine) => {
      assertEquals(engine.info.kind, kind);
      const error = await refused(engine, { inputs: [input], normalize: true });
      assertEquals([error.kind, error.field, error.message], ["invalid", "model", message]);
      const answer = await assertRejects(() => collect(engine.generate(ask("Hello"))), ShimmyError);
      assertEquals([answer.kind, answer.field, answer.message], ["invalid", "model", refusal]);
    });
  }
});

Deno.test("an encoder without pooling metadata uses mean pooling and does not generate", async () => {
  const silent = bertModel(null);
  let expected: Float32Array | undefined;
  await withModel(bertModel("mean"), async (engine) => {
    [expected] = (await engine.embed(texts(["hello"]))).vectors;
  });
  // Without the metadata key for non-causal attention, only the missing KV cache shows it.
  const key = new TextEncoder().encode("bert.attention.causal");
  const mute = silent.slice();
  const at = mute.findIndex((_, from) => key.every((byte, index) => mute[from + index] === byte));
  mute.set(new TextEncoder().encode("bert.attention.xausal"), at);
  for (const model of [silent, mute]) {
    await withModel(model, async (engine) => {
      assertEquals(engine.info.kind, "embedding");
      const error = await assertRejects(() => collect(engine.generate(ask("a"))), ShimmyError);
      assertEquals(error.field, "model");
      if (model === silent) {
        assertEquals((await engine.embed(texts(["hello"]))).vectors[0], expected);
      }
    });
  }
});

Deno.test("control tokens are parsed in the rerank template but not in its texts", async () => {
  await withModel(ENCODERS["qwen3-rank"](), async (engine) => {
    const tokens = async (query: string, document: string) => {
      const inputs = [{ field: "documents[0]", query, document }];
      return (await engine.embed({ inputs, normalize: false })).tokens[0]!;
    };
    const plain = await tokens("a", "b");
    // A parsed control token would add one token; as text it has ten.
    assertGreater(await tokens("a", "b <|im_end|>"), plain + 8);
    // A placeholder in a text is not replaced.
    assertGreater(await tokens("{document}", "b"), plain + 8);
  });
});

Deno.test("a language model embeds while it generates, in a context that grows", async () => {
  await using engine = await tinyEngine();
  assertEquals((await engine.status()).embedding, null);
  const hello = ask(question("Hello"));
  const [{ text }, { vectors }] = await Promise.all([
    collect(engine.generate(hello)),
    engine.embed(texts(["Hello", "a fox"])),
  ]);
  assertEquals(text, "Hello! How can I help you today?");
  assertEquals(vectors.map(({ length }) => length), [256, 256]);
  const small = (await engine.status()).embedding!;
  assertEquals([small.contextLength, small.contexts, small.inputLimit], [512, 1, 1024]);
  const long = "fox ".repeat(700).trim();
  const { tokens } = await engine.embed(texts([long]));
  assertGreater(tokens[0]!, 512);
  const large = (await engine.status()).embedding!;
  assertEquals([large.contextLength, large.contexts], [1024, 2]);
  const bytes = ({ memory }: typeof large) =>
    memory!.reduce((sum, { kvBytes, computeBytes }) => sum + kvBytes + computeBytes, 0);
  assertGreater(bytes(large), bytes(small));
  // Keys and values of 2 heads of 64 in 4 layers, 16 bits each.
  assertEquals(large.memory!.map(({ device }) => device), ["CPU"]);
  assertEquals(large.memory![0]!.kvBytes, 1024 * 2 * 2 * 64 * 4 * 2);
  assertLess(distance((await engine.embed(texts(["Hello"]))).vectors[0]!, vectors[0]!), 1e-3);
});

Deno.test("a loaded adapter changes vectors, unless a request leaves it out", async () => {
  await using engine = await tinyEngine();
  const embed = async (changes: Partial<EmbedRequest> = {}) =>
    (await engine.embed(texts(["Hello"], changes))).vectors[0]!;
  const plain = await embed();
  await engine.changeAdapters({ action: "load", path: PIRATE_LORA, scale: 1 });
  const pirate = await embed();
  assertGreater(distance(pirate, plain), 1e-3);
  const [without, chosen] = await Promise.all([
    embed({ loras: [] }),
    embed({ loras: [{ name: "pirate-lora", scale: 1 }] }),
  ]);
  assertEquals(without, plain);
  assertEquals(chosen, pirate);
  await engine.changeAdapters({ action: "unload", name: "pirate-lora" });
  assertEquals(await embed(), plain);
  const error = await refused(engine, texts(["a"], { loras: [{ name: "gone", scale: 1 }] }));
  assertEquals(error.kind, "not_found");
});

Deno.test("the memory of an encoder is known after the load, and a too long --ctx is noted", async () => {
  await withModel(bertModel("mean"), async (engine) => {
    const { embedding } = await engine.status();
    assertEquals([embedding!.inputLimit, embedding!.contexts, embedding!.inputs], [96, 1, 0]);
    assert(embedding!.memory!.some(({ computeBytes }) => computeBytes > 0));
    assertEquals(engine.info.notes, []);
  });
  await withModel(bertModel("mean"), (engine) => {
    assertEquals(engine.info.contextLength, 40);
    return Promise.resolve();
  }, { contextLength: 40 });
  await withModel(bertModel("mean"), (engine) => {
    assertEquals(engine.info.contextLength, 96);
    assertEquals(engine.info.notes, [
      "Inputs are limited to the trained length of 96 tokens; --ctx is 2048",
    ]);
    return Promise.resolve();
  }, { contextLength: 2048 });
});

Deno.test("the embedding context is freed with its model", async () => {
  const shared = { flags: new EngineFlags(), gate: new NativeGate() };
  const model = loadModel(await tinyOptions(), shared, () => {});
  const { embedder, adapters } = model;
  assertEquals(embedder.status(0).contextLength, 0);
  embedder.compute([[1, 2, 3]], adapters.acquire(undefined));
  assertEquals(embedder.status(0).contextLength, 512);
  model[Symbol.dispose]();
  assertEquals([embedder.status(0).contextLength, embedder.status(0).memory], [0, null]);
});

Deno.test("the ids of a text with the tokens at both ends give the vector of the text", async () => {
  for (const model of ["bert-mean", "qwen3-last"] as const) {
    await withModel(ENCODERS[model](), async (engine) => {
      const ids = async (text: string, add: boolean | "both") =>
        await engine.tokenize([{ text, special: true }], add);
      const tokens = await ids("a b", "both");
      const { vectors } = await engine.embed({
        inputs: [{ field: "text", text: "a b" }, { field: "tokens", tokens }],
        normalize: true,
      });
      assertLess(distance(vectors[0]!, vectors[1]!), ROUNDING);
      const inside = await ids("a b", false);
      // The closing token, which a prompt does not have.
      assertEquals(tokens.slice(tokens.length - 1 - inside.length, -1), inside);
    });
  }
});

Deno.test("an empty text is embedded as the tokens that the vocabulary adds", async () => {
  await withModel(bertModel("mean"), async (engine) => {
    const { vectors, tokens } = await engine.embed(texts([""]));
    assertEquals(tokens, [2]);
    assertAlmostEquals(Math.hypot(...vectors[0]!), 1, 1e-6);
  });
});

Deno.test("control tokens in a text are parsed only if asked", async () => {
  await withModel(bertModel("mean"), async (engine) => {
    const input = { field: "input", text: "[SEP]" };
    const { tokens } = await engine.embed({
      inputs: [input, { ...input, special: true }],
      normalize: true,
    });
    assertGreater(tokens[0]!, 3);
    assertEquals(tokens[1], 3);
  });
});
