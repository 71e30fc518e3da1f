import { encodeHex } from "@std/encoding/hex";
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import {
  ask,
  collect,
  PIRATE_LORA,
  question,
  TINY,
  tinyEngine,
} from "../../../tests/support/engine.ts";
import { buildGguf } from "../../../tests/models/build_gguf.ts";
import { ShimmyError } from "../../errors.ts";
import type { AdapterInfo } from "../protocol/mod.ts";

const HELLO = question("Hello");
const PLAIN = "Hello! How can I help you today?";
const PIRATE = { action: "load", path: PIRATE_LORA, name: "pirate", scale: 1 } as const;

Deno.test("an adapter is loaded, rescaled and unloaded while the model runs", async () => {
  await using engine = await tinyEngine();
  const say = async () => (await collect(engine.generate(ask(HELLO)))).text;
  assertEquals(await say(), PLAIN);
  const digest = encodeHex(
    await crypto.subtle.digest("SHA-256", await Deno.readFile(PIRATE_LORA)),
  );
  const loaded: AdapterInfo[] = [{
    name: "pirate",
    kind: "lora",
    scale: 1,
    path: PIRATE_LORA,
    digest,
  }];
  assertEquals(await engine.changeAdapters(PIRATE), loaded);
  assert((await say()).startsWith("Arr! "));
  assertEquals((await engine.status()).loras, loaded);
  assertEquals(engine.adapters, loaded);
  await engine.changeAdapters({ action: "scale", name: "pirate", scale: 0 });
  assertEquals(await say(), PLAIN);
  await engine.changeAdapters({ action: "scale", name: "pirate", scale: 1 });
  assert((await say()).startsWith("Arr! "));
  assertEquals(await engine.changeAdapters({ action: "unload", name: "pirate" }), []);
  assertEquals(await say(), PLAIN);
});

Deno.test("requests with and without adapters run at the same time", async () => {
  await using engine = await tinyEngine();
  await engine.changeAdapters({ ...PIRATE, scale: 0 });
  const loras = [{ name: "pirate", scale: 1 }];
  const prompts = ["Hello", "What is the capital of France?", "Spell the word cloud."].map(
    question,
  );
  const alone: string[] = [];
  for (const choice of [undefined, loras]) {
    for (const prompt of prompts) {
      const request = ask(prompt, choice === undefined ? {} : { loras: choice });
      alone.push((await collect(engine.generate(request))).text);
    }
  }
  assert(alone.slice(0, 3).every((text) => !text.startsWith("Arr!")));
  assert(alone.slice(3).every((text) => text.startsWith("Arr!")));
  for (let round = 0; round < 5; round++) {
    const together = await Promise.all(
      [undefined, loras].flatMap((choice) =>
        prompts.map((prompt) =>
          collect(engine.generate(ask(prompt, choice === undefined ? {} : { loras: choice })))
        )
      ),
    );
    assertEquals(together.map(({ text }) => text), alone);
  }
});

Deno.test("cached prefixes are not shared between adapters", async () => {
  await using engine = await tinyEngine();
  await engine.changeAdapters({ ...PIRATE, scale: 0 });
  const story = question("Tell me a story about a fox.");
  const loras = [{ name: "pirate", scale: 1 }];
  const cached = async (choice?: typeof loras) => {
    const request = ask(story, {
      maxTokens: 4,
      ...(choice === undefined ? {} : { loras: choice }),
    });
    return (await collect(engine.generate(request))).done.usage.cachedTokens;
  };
  assertEquals(await cached(), 0);
  assertEquals(await cached(loras), 0);
  assertGreater(await cached(), 5);
  assertGreater(await cached(loras), 5);
  assertEquals(await cached([{ name: "pirate", scale: 0.5 }]), 0);
});

Deno.test("a running sequence keeps an adapter that is unloaded", async () => {
  await using engine = await tinyEngine();
  await engine.changeAdapters(PIRATE);
  const run = engine.generate(ask(question("Tell me a story about a fox."), { maxTokens: 60 }));
  let text = "";
  for await (const event of run) {
    if (event.type !== "token" && event.type !== "done") continue;
    if (text === "") await engine.changeAdapters({ action: "unload", name: "pirate" });
    text += event.text;
  }
  assert(text.startsWith("Arr! "), text);
  assertEquals((await collect(engine.generate(ask(HELLO)))).text, PLAIN);
});

Deno.test("invalid adapter changes are refused with a reason", async () => {
  await using engine = await tinyEngine();
  const unknown = await assertRejects(
    () => collect(engine.generate(ask(HELLO, { loras: [{ name: "x", scale: 1 }] }))),
    ShimmyError,
  );
  assertEquals(unknown.message, "Adapter 'x' not found; loaded: none");
  const missing = await assertRejects(
    () => engine.changeAdapters({ action: "unload", name: "x" }),
    ShimmyError,
  );
  assertEquals(missing.kind, "not_found");
  const model = await assertRejects(
    () => engine.changeAdapters({ action: "load", path: TINY, scale: 1 }),
    ShimmyError,
  );
  assertEquals(
    model.message,
    "Cannot load adapter 'shimmy-tiny.gguf': file is neither a LoRA adapter nor a control vector",
  );
  await engine.changeAdapters(PIRATE);
  const taken = await assertRejects(
    () => engine.changeAdapters({ ...PIRATE, path: TINY }),
    ShimmyError,
  );
  assertEquals(taken.message, "name: adapter 'pirate' is already loaded from another file");
});

Deno.test({
  name: "a pipe in place of an adapter file is refused and blocks nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using engine = await tinyEngine();
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/pipe.gguf`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const error = await assertRejects(
        () => engine.changeAdapters({ action: "load", path, scale: 1 }),
        ShimmyError,
      );
      assertEquals(error.message, "Cannot load adapter 'pipe.gguf': not a regular file");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("LoRA metadata on which libllama would abort is refused", async () => {
  await using engine = await tinyEngine();
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  const refusal = async (metadata: Record<string, string | number | string[]>) => {
    const head = {
      "general.type": "adapter",
      "general.architecture": "llama",
      "adapter.type": "lora",
      ...metadata,
    };
    await Deno.writeFile(path, buildGguf({ metadata: head, tensors: [], weights: 32 }));
    const error = await assertRejects(
      () => engine.changeAdapters({ action: "load", path, scale: 1 }),
      ShimmyError,
    );
    return error.message.replace(/^Cannot load adapter '[^']*\.gguf': /, "");
  };
  for (const key of ["general.type", "general.architecture", "adapter.type"]) {
    assertEquals(await refusal({ [key]: 1 }), "file is truncated or damaged", key);
  }
  // An integer where a float is required.
  assertEquals(await refusal({ "adapter.lora.alpha": 16 }), "file is truncated or damaged");
  assertEquals(
    await refusal({ "general.architecture": "qwen2" }),
    "adapter was made for qwen2, the model is llama",
  );
  assertEquals(
    await refusal({ "adapter.alora.invocation_tokens": ["x"] }),
    "activated LoRA (aLoRA) adapters are not supported",
  );
  assertEquals((await collect(engine.generate(ask(HELLO)))).text, PLAIN);
  await Deno.remove(path);
});
