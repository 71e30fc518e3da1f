import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { listDevices, loadBackends, Model, NativeError, openLibrary } from "../../../ffi/mod.ts";
import { withFolder } from "../../../ffi/testing.ts";
import {
  ask,
  collect,
  DRAFT,
  PIRATE_LORA,
  question,
  TINY,
  tinyEngine,
  tinyOptions,
} from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";
import { loadEngine } from "../load_engine.ts";
import { explainLoadFailure } from "../native/failures.ts";
import { NativeGate } from "../native/native_gate.ts";
import { KV_TYPES, type LoadOptions } from "../protocol/mod.ts";

const FRANCE = question("What is the capital of France?");
const PARIS = "The capital of France is Paris.";

/** The error of loading with these options. */
async function refusal(changes: Partial<LoadOptions>): Promise<ShimmyError> {
  const options = await tinyOptions(changes);
  return await assertRejects(() => loadEngine(options), ShimmyError);
}

/** The bytes of the tiny model with the first occurrence of a text replaced by one of equal length. */
async function patched(from: string, to: string): Promise<Uint8Array> {
  const bytes = await Deno.readFile(TINY);
  // Latin-1 keeps every byte a character.
  const at = new TextDecoder("latin1").decode(bytes).indexOf(from);
  assert(at >= 0 && from.length === to.length);
  bytes.set(new TextEncoder().encode(to), at);
  return bytes;
}

Deno.test("a broken model file is refused with what is wrong, and without its path", async () => {
  const whole = await Deno.readFile(TINY);
  const version = (byte: number) => {
    const bytes = whole.slice();
    bytes[4] = byte;
    return bytes;
  };
  const damaged = "The model's file is truncated or damaged";
  const notGguf = "The model's file is not a GGUF file";
  const badVersion = "The model's file has a GGUF version that this libllama cannot read";
  const cases: readonly [string, Uint8Array, string][] = [
    ["text", new TextEncoder().encode("This is no model, it is a letter."), notGguf],
    ["empty", new Uint8Array(), notGguf],
    ["in its magic", whole.subarray(0, 3), notGguf],
    ["after its magic", whole.subarray(0, 4), damaged],
    ["in its header", whole.subarray(0, 20), damaged],
    ["in its metadata", whole.subarray(0, 5000), damaged],
    ["in its tensors' names", whole.subarray(0, 60_000), damaged],
    ["in its weights", whole.subarray(0, whole.length >> 1), damaged],
    ["at its last byte", whole.subarray(0, whole.length - 1), damaged],
    ["an old version", version(1), badVersion],
    ["a future version", version(99), badVersion],
    [
      "an unknown architecture",
      await patched("\x05\0\0\0\0\0\0\0llama", "\x05\0\0\0\0\0\0\0llamx"),
      "The model's architecture 'llamx' is not supported by this libllama",
    ],
    [
      "an unknown tokenizer",
      await patched("\x05\0\0\0\0\0\0\0qwen2", "\x05\0\0\0\0\0\0\0qwenx"),
      "The model's tokenizer 'qwenx' is not supported by this libllama",
    ],
    [
      "no vocabulary",
      await patched("tokenizer.ggml.tokens", "tokenizer.ggml.tokenx"),
      "The model's file lacks its tokenizer's vocab",
    ],
    [
      "no number of layers",
      await patched("llama.block_count", "llama.block_xount"),
      "The model's file lacks the metadata 'llama.block_count'",
    ],
    [
      "a missing tensor",
      await patched("blk.0.attn_q.weight", "blk.0.attn_x.weight"),
      "The model's file lacks the tensor 'blk.0.attn_q.weight'",
    ],
  ];
  await withFolder(async (folder) => {
    const path = join(folder, "broken.gguf");
    for (const [name, bytes, message] of cases) {
      await Deno.writeFile(path, bytes);
      const error = await refusal({ modelPaths: [path] });
      assertEquals([error.kind, error.message], ["backend", message], name);
      assertStringIncludes(error.detail ?? "", path);
    }
  });
});

Deno.test("a missing file, and an adapter in place of a model, are named as such", async () => {
  const missing = await refusal({ modelPaths: [join("nowhere", "model.gguf")] });
  assertEquals(missing.message, "The model's file cannot be opened");
  const adapter = await refusal({ modelPaths: [PIRATE_LORA] });
  assertEquals(adapter.message, "The model's file is an adapter and not a model");
});

Deno.test("an adapter that does not fit is refused by its name and with its reason", async () => {
  const whole = await Deno.readFile(PIRATE_LORA);
  await withFolder(async (folder) => {
    const path = join(folder, "mine.gguf");
    const load = async (bytes: Uint8Array) => {
      await Deno.writeFile(path, bytes);
      return (await refusal({ loras: [{ path, scale: 1 }] })).message;
    };
    assertEquals(
      await load(new TextEncoder().encode("no adapter")),
      "The adapter 'mine.gguf' is not a GGUF file",
    );
    assertEquals(
      await load(whole.subarray(0, whole.length - 100)),
      "The adapter 'mine.gguf' is truncated or damaged",
    );
    await Deno.remove(path);
    const missing = await refusal({ loras: [{ path, scale: 1 }] });
    assertEquals(missing.message, "The adapter 'mine.gguf' cannot be opened");
    assertStringIncludes(missing.detail ?? "", path);
  });
  const model = await refusal({ loras: [{ path: TINY, scale: 1 }] });
  assertEquals(
    model.message,
    "The adapter 'shimmy-tiny.gguf' is neither a LoRA adapter nor a control vector",
  );
  const other = await refusal({
    modelPaths: [DRAFT],
    loras: [{ path: PIRATE_LORA, scale: 1 }],
  });
  assertEquals(other.message, "The adapter 'pirate-lora.gguf' was made for another model");
});

Deno.test("a model that can be read but was not loaded wants for memory", async () => {
  const { libraryFolder } = await tinyOptions();
  using library = openLibrary(libraryFolder);
  loadBackends(library);
  const cause = new NativeError("llama_model_load_from_file", null, "The model cannot be loaded");
  const error = explainLoadFailure(new NativeGate(), library, {
    paths: [TINY],
    gpuLayers: 0,
    devices: [],
  }, cause);
  assertEquals(
    error.message,
    "There is not enough memory to load the model: its weights take 0.0 GiB",
  );
  // The diagnosis has left the library usable.
  assertGreater(listDevices(library).length, 0);
  using model = Model.load(library, { paths: [TINY], gpuLayers: 0, devices: [] });
  assertEquals(model.vocab.size, 1024);
});

Deno.test("a way to share a model that the devices do not have is refused by name", async () => {
  const cases: [Partial<LoadOptions>, string][] = [
    [{ splitMode: "tensor" }, "--split-mode tensor: needs a GPU"],
    [{ splitMode: "none", mainGpu: 1 }, "--main-gpu: no GPU has the number 1; there is no GPU"],
    [{ tensorSplit: [1, 1] }, "--tensor-split: 2 proportions are too many; there is no GPU"],
  ];
  for (const [changes, message] of cases) {
    const error = await refusal({ devices: [], ...changes });
    assertEquals([error.kind, error.message], ["invalid", message]);
  }
});

Deno.test("a pattern that libllama cannot read is refused, and one that matches nothing is told", async () => {
  const pattern = (pattern: string) => ({ tensorOverrides: [{ pattern, buffer: "CPU" }] });
  const error = await refusal(pattern("(?<=ffn)_down"));
  assertEquals([error.kind, error.field], ["invalid", "override-tensor"]);
  assertStringIncludes(error.message, "--override-tensor: libllama cannot read a pattern");
  await using engine = await tinyEngine(pattern("no_such"));
  assertEquals(engine.info.notes, ["--override-tensor: no tensor's name matches 'no_such'"]);
  await using other = await tinyEngine(pattern("ffn_down"));
  assertEquals(other.info.notes, []);
});

Deno.test("a context that no memory holds is refused at once, with what it would take", async () => {
  const before = performance.now();
  const error = await refusal({ contextLength: 1_000_000_000 });
  assert(/^A context of 1000000000 tokens for 4 sequences .* GiB/.test(error.message));
  assertEquals([error.kind, error.field], ["invalid", "ctx"]);
  assert(performance.now() - before < 10_000);
});

Deno.test("a quantized cache without flash attention is refused with both options' names", async () => {
  const error = await refusal({ kvType: "q8_0", flashAttention: "off" });
  assertEquals(error.kind, "invalid");
  assertStringIncludes(error.message, "--kv-type q8_0");
  assertStringIncludes(error.message, "--flash-attn");
});

Deno.test("a device that is not there is refused with those that are", async () => {
  const error = await refusal({ devices: ["Vulkan9"], gpuLayers: -1 });
  assertEquals(error.kind, "invalid");
  assert(/^No device is named 'Vulkan9'; there are: .*CPU/.test(error.message), error.message);
});

Deno.test("an adapter changes every answer, and not at scale 0", async () => {
  const answer = async (scale: number) => {
    await using engine = await tinyEngine({ loras: [{ path: PIRATE_LORA, scale }] });
    const { loras } = await engine.status();
    assertEquals(loras.map((lora) => [lora.name, lora.scale]), [["pirate-lora", scale]]);
    return (await collect(engine.generate(ask(FRANCE)))).text;
  };
  assertEquals(await answer(1), `Arr! ${PARIS}`);
  assertEquals(await answer(0), PARIS);
});

Deno.test("progress goes up from the beginning to 1", async () => {
  const heard: number[] = [];
  await using _engine = await loadEngine(await tinyOptions(), {
    onProgress: (fraction) => heard.push(fraction),
  });
  assertGreater(heard.length, 3);
  assertEquals(heard, heard.toSorted((a, b) => a - b));
  assertEquals(heard.at(-1), 1);
});

Deno.test("loading is cancelled before it begins and while it goes on", async () => {
  const options = await tinyOptions();
  const before = await assertRejects(
    () => loadEngine(options, { signal: AbortSignal.abort() }),
    ShimmyError,
  );
  assertEquals(before.kind, "cancelled");
  const controller = new AbortController();
  const loading = loadEngine(options, { signal: controller.signal });
  controller.abort();
  const during = await assertRejects(() => loading, ShimmyError);
  assertEquals([during.kind, during.message], ["cancelled", "Loading was cancelled"]);
  // Nothing of it is left that the next one stumbles over.
  await using engine = await loadEngine(options);
  assertEquals((await collect(engine.generate(ask(FRANCE)))).text, PARIS);
});

Deno.test("every type of cache and every kind of flash attention answers", async () => {
  const ways: Partial<LoadOptions>[] = [
    ...KV_TYPES.map((kvType) => ({ kvType })),
    { flashAttention: "on" },
    { flashAttention: "off" },
    { kvUnified: true },
  ];
  for (const way of ways) {
    await using engine = await tinyEngine({ ...way, parallel: 2, contextLength: 256 });
    const { text } = await collect(engine.generate(ask(FRANCE)));
    assertEquals(text, PARIS, JSON.stringify(way));
  }
});

Deno.test("the context is as long as asked for, and a note tells when that is over the training", async () => {
  const told = async (contextLength: number) => {
    await using engine = await tinyEngine({ contextLength });
    const { cellsTotal } = await engine.status();
    assert(cellsTotal >= contextLength * engine.info.parallel);
    return [engine.info.contextLength, engine.info.notes];
  };
  assertEquals(await told(100), [100, []]);
  assertEquals(await told(0), [1024, []]);
  assertEquals(await told(2048), [
    2048,
    [
      "The context of 2048 tokens is longer than the 1024 the model was trained on",
      "RoPE is stretched by YaRN, by a factor of 2",
    ],
  ]);
});

Deno.test("threads, batch size and number of sequences reach the context", async () => {
  await using engine = await tinyEngine({ threads: 2, batchSize: 96, parallel: 3 });
  const { threads, batchSize, parallel } = engine.info;
  assertEquals([threads, batchSize, parallel], [2, 96, 3]);
  const prompt = "A fox met a bee. ".repeat(40);
  const { done } = await collect(engine.generate(ask(prompt, { maxTokens: 1 })));
  const { steps } = await engine.status();
  assertEquals(steps, Math.ceil(done.usage.promptTokens / 96));
  await using small = await tinyEngine({ batchSize: 1, parallel: 4 });
  // Every sequence has a token in every batch.
  assertEquals(small.info.batchSize, 4);
});
