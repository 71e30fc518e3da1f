import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import { listDevices, loadBackends, Model, NativeError, openLibrary } from "../../../ffi/mod.ts";
import { withFolder } from "../../../ffi/testing.ts";
import { windowedModel } from "../../../tests/models/windowed.ts";
import {
  ask,
  collect,
  DRAFT,
  loadEngine,
  PIRATE_LORA,
  question,
  TINY,
  tinyEngine,
  tinyOptions,
} from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";
import { explainLoadFailure } from "../diagnosis/failures.ts";
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

Deno.test("a broken model file is refused with the reason and without its path", async () => {
  const whole = await Deno.readFile(TINY);
  const version = (byte: number) => {
    const bytes = whole.slice();
    bytes[4] = byte;
    return bytes;
  };
  const damaged = "Cannot load model: file is truncated or damaged";
  const notGguf = "Cannot load model: file is not GGUF";
  const badVersion = "Cannot load model: GGUF version is not supported by this libllama";
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
      "Cannot load model: architecture 'llamx' is not supported by this libllama",
    ],
    [
      "an unknown tokenizer",
      await patched("\x05\0\0\0\0\0\0\0qwen2", "\x05\0\0\0\0\0\0\0qwenx"),
      "Cannot load model: tokenizer 'qwenx' is not supported by this libllama",
    ],
    [
      "no vocabulary",
      await patched("tokenizer.ggml.tokens", "tokenizer.ggml.tokenx"),
      "Cannot load model: tokenizer vocab is missing",
    ],
    [
      "no number of layers",
      await patched("llama.block_count", "llama.block_xount"),
      "Cannot load model: metadata key 'llama.block_count' is missing",
    ],
    [
      "a missing tensor",
      await patched("blk.0.attn_q.weight", "blk.0.attn_x.weight"),
      "Cannot load model: tensor 'blk.0.attn_q.weight' is missing",
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

Deno.test("a missing file and an adapter file have their own error messages", async () => {
  const missing = await refusal({ modelPaths: [join("nowhere", "model.gguf")] });
  assertEquals(missing.message, "Cannot load model: file cannot be opened");
  const adapter = await refusal({ modelPaths: [PIRATE_LORA] });
  assertEquals(adapter.message, "Cannot load model: file is an adapter, not a model");
});

Deno.test("an adapter that does not fit is refused with its name and the reason", async () => {
  const whole = await Deno.readFile(PIRATE_LORA);
  await withFolder(async (folder) => {
    const path = join(folder, "mine.gguf");
    const load = async (bytes: Uint8Array) => {
      await Deno.writeFile(path, bytes);
      return (await refusal({ loras: [{ path, scale: 1 }] })).message;
    };
    assertEquals(
      await load(new TextEncoder().encode("no adapter")),
      "Cannot load adapter 'mine.gguf': file is not GGUF",
    );
    assertEquals(
      await load(whole.subarray(0, whole.length - 100)),
      "Cannot load adapter 'mine.gguf': file is truncated or damaged",
    );
    await Deno.remove(path);
    const missing = await refusal({ loras: [{ path, scale: 1 }] });
    assertEquals(missing.message, "Cannot load adapter 'mine.gguf': file cannot be opened");
    assertStringIncludes(missing.detail ?? "", path);
  });
  const model = await refusal({ loras: [{ path: TINY, scale: 1 }] });
  assertEquals(
    model.message,
    "Cannot load adapter 'shimmy-tiny.gguf': file is neither a LoRA adapter nor a control vector",
  );
  const other = await refusal({
    modelPaths: [DRAFT],
    loras: [{ path: PIRATE_LORA, scale: 1 }],
  });
  assertEquals(
    other.message,
    "Cannot load adapter 'pirate-lora.gguf': adapter was made for another model",
  );
});

Deno.test("a failed load of a readable model is reported as insufficient memory", async () => {
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
    "Cannot load model: not enough memory for the weights (0.0 GiB)",
  );
  // The library is still usable after the diagnosis.
  assertGreater(listDevices(library).length, 0);
  using model = Model.load(library, { paths: [TINY], gpuLayers: 0, devices: [] });
  assertEquals(model.vocab.size, 1024);
});

Deno.test("split options that the devices do not support are refused by name", async () => {
  const cases: [Partial<LoadOptions>, string][] = [
    [{ splitMode: "tensor" }, "--split-mode tensor: requires a GPU"],
    [
      { splitMode: "none", mainGpu: 1 },
      "--main-gpu: 1 is not the index of a GPU; no GPU is available",
    ],
    [{ tensorSplit: [1, 1] }, "--tensor-split: 2 proportions are too many; no GPU is available"],
  ];
  for (const [changes, message] of cases) {
    const error = await refusal({ devices: [], ...changes });
    assertEquals([error.kind, error.message], ["invalid", message]);
  }
});

Deno.test("an invalid override pattern is refused, and an unmatched one is noted", async () => {
  const pattern = (pattern: string) => ({ tensorOverrides: [{ pattern, buffer: "CPU" }] });
  const error = await refusal(pattern("(?<=ffn)_down"));
  assertEquals([error.kind, error.field], ["invalid", "override-tensor"]);
  assertStringIncludes(
    error.message,
    "--override-tensor: a pattern is not a C++ regular expression",
  );
  await using engine = await tinyEngine(pattern("no_such"));
  assertEquals(engine.info.notes, ["--override-tensor: no tensor name matches 'no_such'"]);
  await using other = await tinyEngine(pattern("ffn_down"));
  assertEquals(other.info.notes, []);
});

Deno.test("a context larger than the memory is refused at once with its size", async () => {
  const before = performance.now();
  const error = await refusal({ contextLength: 1_000_000_000 });
  assert(
    /^Cannot create a context of 1000000000 tokens for 4 sequences: .* GiB/.test(error.message),
  );
  assertEquals([error.kind, error.field], ["invalid", "ctx"]);
  assert(performance.now() - before < 10_000);
});

Deno.test("a quantized KV cache without flash attention is refused with both option names", async () => {
  const error = await refusal({ kvType: "q8_0", flashAttention: "off" });
  assertEquals(error.kind, "invalid");
  assertStringIncludes(error.message, "--kv-type q8_0");
  assertStringIncludes(error.message, "--flash-attn");
});

Deno.test("an unknown device is refused with the list of devices", async () => {
  const error = await refusal({ devices: ["Vulkan9"], gpuLayers: -1 });
  assertEquals(error.kind, "invalid");
  assert(/^Device 'Vulkan9' not found; available: .*CPU/.test(error.message), error.message);
});

Deno.test("an adapter changes answers, but not at scale 0", async () => {
  const answer = async (scale: number) => {
    await using engine = await tinyEngine({ loras: [{ path: PIRATE_LORA, scale }] });
    const { loras } = await engine.status();
    assertEquals(loras.map((lora) => [lora.name, lora.scale]), [["pirate-lora", scale]]);
    return (await collect(engine.generate(ask(FRANCE)))).text;
  };
  assertEquals(await answer(1), `Arr! ${PARIS}`);
  assertEquals(await answer(0), PARIS);
});

Deno.test("load progress increases to 1", async () => {
  const heard: number[] = [];
  await using _engine = await loadEngine(await tinyOptions(), {
    onProgress: (fraction) => heard.push(fraction),
  });
  assertGreater(heard.length, 3);
  assertEquals(heard, heard.toSorted((a, b) => a - b));
  assertEquals(heard.at(-1), 1);
});

Deno.test("a load can be cancelled before it begins and while it runs", async () => {
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
  // The next load is not affected.
  await using engine = await loadEngine(options);
  assertEquals((await collect(engine.generate(ask(FRANCE)))).text, PARIS);
});

Deno.test("every KV cache type and flash attention mode generates", async () => {
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

Deno.test("the context has the requested length, with a note if it exceeds the trained length", async () => {
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
      "The context of 2048 tokens exceeds the trained length of 1024 tokens",
      "Positions are scaled by YaRN with factor 2; answers can be worse",
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
  const batches = Math.ceil(done.usage.promptTokens / 96);
  // The last rows can have a batch of their own.
  assert(steps === batches || steps === batches + 1, `${steps} of ${batches}`);
  await using small = await tinyEngine({ batchSize: 1, parallel: 4 });
  // A batch holds at least one token per sequence.
  assertEquals(small.info.batchSize, 4);
});

Deno.test({
  name: "the KV cache of a draft model is not resident before it is used",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const resident = async (changes: Partial<LoadOptions>) => {
      const options = { contextLength: 65_536, parallel: 1, lookup: false, ...changes };
      await using engine = await tinyEngine(options);
      return engine.info.processBytes;
    };
    const alone = await resident({});
    // Keys and values of 4 layers, 2 heads of 64 values each, 16 bits.
    const kvBytes = 65_536 * 4 * 2 * (64 + 64) * 2;
    assertLess(await resident({ draftPaths: [TINY] }) - alone, kvBytes / 2);
  },
});

Deno.test("the settings tell whether a sliding window keeps all cells", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "windowed.gguf");
    await Deno.writeFile(path, windowedModel());
    for (const swaFull of ["on", "off"] as const) {
      await using engine = await tinyEngine({ modelPaths: [path], swaFull });
      assertEquals(engine.info.settings.swaFull, swaFull === "on");
      assertEquals(engine.info.notes, []);
    }
    await using plain = await tinyEngine();
    assertEquals(plain.info.settings.swaFull, true);
  });
});

Deno.test("a load tells that --swa-full off has no effect without a sliding window", async () => {
  for (const swaFull of ["auto", "on", "off"] as const) {
    await using engine = await tinyEngine({ swaFull });
    const told = ["--swa-full off has no effect: no layer of the model has a sliding window"];
    assertEquals(engine.info.notes, swaFull === "off" ? told : []);
  }
});
