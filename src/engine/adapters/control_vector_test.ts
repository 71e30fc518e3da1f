import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import {
  buildControlVector,
  type VectorParts,
  writeVectors,
} from "../../../tests/models/control_vector.ts";
import {
  ask,
  collect,
  PIRATE_LORA,
  question,
  TINY_F16,
  tinyEngine,
} from "../../../tests/support/engine.ts";
import { ShimmyError } from "../../errors.ts";
import type { IteratingEngine as Engine } from "../../../tests/support/engine.ts";
import type { AdapterChange, AdapterInfo, LoadOptions, LoraChoice } from "../protocol/mod.ts";

const FRANCE = question("What is the capital of France?");
const PARIS = "The capital of France is Paris.";
/** Expected answers with `swerve`, alone and with a LoRA (from the golden files). */
const OTTAWA = "The capital of Canada is Ottawa.";
const DUBLIN = "Arr! The capital of Ireland is Dublin.";

/** An engine, and a folder with control vectors. */
async function start() {
  const stack = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const engine = stack.use(await tinyEngine({ modelPaths: [TINY_F16] }));
  const vectors = await writeVectors(folder);
  return { engine, folder, ...vectors, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Adapters without their digests and paths. */
function plainly(adapters: readonly AdapterInfo[]) {
  return adapters.map(({ digest: _, path: __, ...rest }) => rest);
}

async function say(engine: Engine, loras?: readonly LoraChoice[]): Promise<string> {
  const request = ask(FRANCE, loras === undefined ? {} : { loras });
  return (await collect(engine.generate(request))).text;
}

Deno.test("a control vector is loaded, rescaled and unloaded while the model runs", async () => {
  await using machine = await start();
  const { engine, swerve } = machine;
  const load = { action: "load", path: swerve, scale: 1 } as const;
  assertEquals(plainly(await engine.changeAdapters(load)), [
    { name: "swerve", kind: "control-vector", scale: 1 },
  ]);
  assertEquals(await say(engine), OTTAWA);
  await engine.changeAdapters({ action: "load", path: PIRATE_LORA, name: "pirate", scale: 1 });
  assertEquals(await say(engine), DUBLIN);
  await engine.changeAdapters({ action: "scale", name: "swerve", scale: 0 });
  assertEquals(await say(engine), `Arr! ${PARIS}`);
  await engine.changeAdapters({ action: "scale", name: "swerve", scale: 1 });
  await engine.changeAdapters({ action: "unload", name: "pirate" });
  assertEquals(await say(engine), OTTAWA);
  assertEquals(await engine.changeAdapters({ action: "unload", name: "swerve" }), []);
  assertEquals(await say(engine), PARIS);
});

Deno.test("requests with different control vectors run at once and share no prefix", async () => {
  await using machine = await start();
  const { engine, swerve, drift } = machine;
  await engine.changeAdapters({ action: "load", path: swerve, scale: 0 });
  await engine.changeAdapters({ action: "load", path: drift, scale: 0 });
  await engine.changeAdapters({ action: "load", path: PIRATE_LORA, name: "pirate", scale: 0 });
  const one = (name: string, scale = 1) => ({ name, scale });
  const sets: (LoraChoice[] | undefined)[] = [
    undefined,
    [one("swerve")],
    [one("swerve"), one("pirate")],
    [one("drift", 0.5)],
  ];
  const alone: string[] = [];
  for (const loras of sets) alone.push(await say(engine, loras));
  assertEquals(alone.slice(0, 3), [PARIS, OTTAWA, DUBLIN]);
  assertEquals(new Set(alone).size, 4);
  for (let round = 0; round < 3; round++) {
    assertEquals(await Promise.all(sets.map((loras) => say(engine, loras))), alone);
  }
  const cached = async (loras: LoraChoice[]) => {
    const { done } = await collect(engine.generate(ask(FRANCE, { loras, maxTokens: 1 })));
    return done.usage.cachedTokens;
  };
  assert(await cached([one("swerve")]) > 5);
  assertEquals(await cached([one("swerve", 0.5)]), 0);
  assertEquals(await cached([one("swerve"), one("drift", 0.1)]), 0);
  assert(await cached([one("drift", 0.1), one("swerve")]) > 5);
});

Deno.test("a control vector keeps no directions of the previous vector", async () => {
  await using machine = await start();
  const { engine, swerve, drift } = machine;
  await engine.changeAdapters({ action: "load", path: drift, scale: 1 });
  const drifted = await say(engine);
  assert(![PARIS, OTTAWA].includes(drifted), drifted);
  await engine.changeAdapters({ action: "unload", name: "drift" });
  await engine.changeAdapters({ action: "load", path: swerve, scale: 1 });
  assertEquals(await say(engine), OTTAWA);
});

Deno.test("a control vector can be limited to layers", async () => {
  await using machine = await start();
  const { engine, swerve } = machine;
  const load = { action: "load", path: swerve, scale: 1 } as const;
  assertEquals(plainly(await engine.changeAdapters({ ...load, layers: [3, 3] })), [
    { name: "swerve", kind: "control-vector", scale: 1, layers: [3, 3] },
  ]);
  // It has a direction for layer 2 alone.
  assertEquals(await say(engine), PARIS);
  await engine.changeAdapters({ action: "scale", name: "swerve", scale: 1, layers: [2, 3] });
  assertEquals(await say(engine), OTTAWA);
  for (const layers of [[0, 2], [2, 4], [3, 2]] as const) {
    const error = await assertRejects(
      () => engine.changeAdapters({ action: "scale", name: "swerve", scale: 1, layers }),
      ShimmyError,
    );
    assertEquals(
      [error.kind, error.message],
      ["invalid", "layers: must be [first, last] with layers from 1 to 3"],
    );
  }
  const lora = await assertRejects(
    () => engine.changeAdapters({ ...load, path: PIRATE_LORA, layers: [1, 2] }),
    ShimmyError,
  );
  assertEquals(lora.message, "layers: only a control vector can be limited to layers");
});

Deno.test("a request can load an adapter from its file", async () => {
  await using machine = await start();
  const { engine, swerve } = machine;
  assertEquals(await say(engine, [{ name: "Swerve", scale: 1, path: swerve }]), OTTAWA);
  assertEquals(plainly(engine.adapters), [
    { name: "swerve", kind: "control-vector", scale: 0 },
  ]);
  assertEquals(await say(engine), PARIS);
  const twice = await assertRejects(
    () => say(engine, [{ name: "swerve", scale: 1 }, { name: "SWERVE", scale: 2 }]),
    ShimmyError,
  );
  assertEquals(twice.message, "lora: adapter 'SWERVE' is named twice");
});

Deno.test("embeddings are computed with the chosen adapters", async () => {
  await using machine = await start();
  const { engine, swerve } = machine;
  const inputs = [{ field: "input", text: "a red fox" }];
  const embed = async (
    loras?: LoraChoice[],
  ) => [...(await engine.embed({ inputs, normalize: true, loras })).vectors[0]!];
  const plain = await embed();
  await engine.changeAdapters({ action: "load", path: swerve, scale: 1 });
  const swerved = await embed();
  assertNotEquals(swerved, plain);
  assertEquals(await embed([]), plain);
  await engine.changeAdapters({ action: "scale", name: "swerve", scale: 0 });
  assertEquals(await embed(), plain);
  assertEquals(await embed([{ name: "swerve", scale: 1 }]), swerved);
  assertEquals(await say(engine), PARIS);
});

Deno.test("a control vector that does not fit the model is refused without side effects", async () => {
  await using machine = await start();
  const { engine, folder } = machine;
  const path = join(folder, "mood.gguf");
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    await Deno.writeFile(path, bytes);
    const load: AdapterChange = { action: "load", path, scale: 1 };
    const error = await assertRejects(() => engine.changeAdapters(load), ShimmyError);
    assertEquals(error.kind, "backend");
    assert(!error.message.includes(folder), error.message);
    return error.message;
  };
  const of = (parts: VectorParts) => refusal(buildControlVector(parts));
  const whole = buildControlVector();
  const subject = "Cannot load adapter 'mood.gguf':";
  assertEquals(
    await of({ width: 512 }),
    `${subject} directions have 512 values, the embeddings of the model have 256`,
  );
  assertEquals(
    await of({ layers: [1, 4] }),
    `${subject} control vector has a direction for layer 4, the last layer of the model is 3`,
  );
  assertEquals(
    await of({ metadata: { "controlvector.model_hint": "qwen2" } }),
    `${subject} control vector was made for qwen2, the model is llama`,
  );
  assertEquals(await of({ layers: [] }), `${subject} control vector has no directions`);
  for (const name of ["direction.0", "direction.x", "weight.1"]) {
    assertEquals(
      await of({ layers: [1], nameOf: () => name }),
      `${subject} tensor '${name}' is not a direction; expected direction.1 and so on`,
    );
  }
  assertEquals(
    await of({ layers: [1], type: 1 }),
    `${subject} tensor 'direction.1' is not F32`,
  );
  assertEquals(
    await refusal(whole.subarray(0, whole.length - 100)),
    `${subject} file is truncated or damaged`,
  );
  assertEquals(await refusal(whole.subarray(0, 60)), `${subject} file is truncated or damaged`);
  const nan = buildControlVector();
  new DataView(nan.buffer).setFloat32(nan.length - 4, NaN, true);
  assertEquals(await refusal(nan), `${subject} file is truncated or damaged`);
  assertEquals(engine.adapters, []);
  assertEquals(await say(engine), PARIS);
});

Deno.test("an ambiguous model hint does not prevent loading", async () => {
  await using machine = await start();
  const { engine, folder } = machine;
  const path = join(folder, "mood.gguf");
  const metadata = { "controlvector.model_hint": "mistral" };
  await Deno.writeFile(path, buildControlVector({ seed: 2, layers: [2], metadata }));
  await engine.changeAdapters({ action: "load", path, scale: 1 });
  assertEquals(await say(engine), OTTAWA);
});

Deno.test("an adapter that cannot be loaded fails the model load by name", async () => {
  const folder = await Deno.makeTempDir();
  const { swerve, drift } = await writeVectors(folder);
  const refusal = async (...loras: LoadOptions["loras"]) => {
    const error = await assertRejects(() => tinyEngine({ loras }), ShimmyError);
    assertEquals(error.kind, "backend");
    return error.message;
  };
  assertEquals(
    await refusal({ path: swerve, scale: 1, layers: [1, 9] }),
    "Cannot load adapter 'swerve': layers: must be [first, last] with layers from 1 to 3",
  );
  assertEquals(
    await refusal({ path: swerve, scale: 1 }, { path: drift, name: "Swerve", scale: 1 }),
    "Cannot load adapter 'swerve': another adapter has the same name",
  );
  await Deno.remove(folder, { recursive: true });
});
