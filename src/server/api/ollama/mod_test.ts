import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { serverDouble, type ServerDoubleOptions } from "../../../../tests/doubles/server.ts";
import { TINY_TEMPLATE } from "../../../../tests/doubles/tiny_template.ts";
import { projectorFile } from "../../../../tests/models/projector.ts";
import { ShimmyError } from "../../../errors.ts";
import type { SequenceRequest } from "../../../engine/protocol/mod.ts";
import { describedRoutes } from "../../http/lazy_route.ts";
import { generateRoute } from "../native/generate_route.ts";
import { ollamaRoutes, sharedGenerate } from "./mod.ts";

const CHAT = { model: "double", messages: [{ role: "user", content: "Hello" }] };
const CALL = ["<tool_call>\n", '{"name": "add", "arguments": ', '{"a": 1}}', "\n</tool_call>"];
const TOOLS = [{
  type: "function",
  function: { name: "add", description: "Adds", parameters: { type: "object" } },
}];

function server(options: ServerDoubleOptions = {}) {
  const generate = generateRoute(sharedGenerate);
  return serverDouble({ routes: [...ollamaRoutes, generate], ...options });
}

type Line = Record<string, unknown> & {
  message: { content: string; thinking?: string; tool_calls?: { function: unknown }[] };
};

async function linesOf(response: Response): Promise<Line[]> {
  const body = await response.text();
  assertEquals(body.endsWith("\n"), true);
  return body.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function promptText({ prompt }: SequenceRequest): string {
  return prompt.map((part) => {
    if ("tokens" in part) return `[${part.tokens}]`;
    return "text" in part ? part.text : part.media.field;
  }).join("");
}

Deno.test("chat streams lines by default and ends with done, reason and nanoseconds", async () => {
  const { send } = server();
  const response = await send("POST", "/api/chat", CHAT);
  assertEquals(response.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
  const lines = await linesOf(response);
  assertEquals(lines.map(({ message }) => message.content), ["Hello", " world", ""]);
  assertEquals(lines.map(({ done }) => done), [false, false, true]);
  const last = lines.at(-1)!;
  assertEquals(last.model, "double");
  assertMatch(String(last.created_at), /^\d{4}-\d\d-\d\dT/);
  assertEquals(last.done_reason, "stop");
  // The double's timings: 2 ms of prefill, 4 ms of decoding.
  assertEquals([last.prompt_eval_duration, last.eval_duration], [2_000_000, 4_000_000]);
  assertEquals(last.eval_count, 2);
  assertEquals(Number.isInteger(last.total_duration), true);
  assertEquals(Number.isInteger(last.load_duration), true);
});

Deno.test("without streaming the answer is one object", async () => {
  const { send } = server();
  const response = await send("POST", "/api/chat", { ...CHAT, stream: false });
  assertEquals(response.headers.get("content-type"), "application/json; charset=utf-8");
  const { message, done, done_reason } = await response.json();
  assertEquals({ message, done, done_reason }, {
    message: { role: "assistant", content: "Hello world" },
    done: true,
    done_reason: "stop",
  });
});

Deno.test("num_predict limits the answer, and the reason is length", async () => {
  const { send } = server();
  const body = { ...CHAT, stream: false, options: { num_predict: 1 } };
  const { message, done_reason } = await (await send("POST", "/api/chat", body)).json();
  assertEquals([message.content, done_reason], ["Hello", "length"]);
});

Deno.test("a call comes as a whole with its arguments as an object", async () => {
  const engine = { info: { chatTemplate: TINY_TEMPLATE }, script: { tokens: CALL } };
  const { send } = server({ engine });
  const lines = await linesOf(await send("POST", "/api/chat", { ...CHAT, tools: TOOLS }));
  assertEquals(
    lines.flatMap(({ message }) => message.tool_calls ?? []).map((call) => call.function),
    [
      { index: 0, name: "add", arguments: { a: 1 } },
    ],
  );
  assertEquals(lines.at(-1)!.done_reason, "stop");
});

Deno.test("reasoning is separate from the content", async () => {
  const tokens = ["<think>\n", "Hm.", "\n</think>\n\n", "Yes."];
  const { send } = server({
    engine: { info: { chatTemplate: TINY_TEMPLATE }, script: { tokens } },
  });
  const { message } = await (await send("POST", "/api/chat", { ...CHAT, stream: false })).json();
  assertStringIncludes(message.thinking, "Hm.");
  assertEquals(message.content, "Yes.");
});

Deno.test("think is refused where the model cannot, and becomes template variables where it can", async () => {
  const asked = { ...CHAT, stream: false, think: "max" };
  const refused = await server().send("POST", "/api/chat", asked);
  assertEquals(await refused.json(), { error: '"double" does not support thinking' });
  const chatTemplate = "{{ enable_thinking }} {{ reasoning_effort }} {{ messages[0].content }}";
  const { engine, send } = server({
    engine: { info: { chatTemplate } },
    entry: { chatTemplate },
  });
  await (await send("POST", "/api/chat", asked)).body?.cancel();
  await (await send("POST", "/api/chat", { ...asked, think: false })).body?.cancel();
  assertMatch(promptText(engine.requests[0]!), /^true high Hello/i);
  assertMatch(promptText(engine.requests[1]!), /^false/i);
});

Deno.test("log probabilities come when asked for", async () => {
  const { send } = server();
  const body = { ...CHAT, stream: false, logprobs: true, top_logprobs: 2 };
  const { logprobs } = await (await send("POST", "/api/chat", body)).json();
  assertEquals(logprobs.map(({ token }: { token: string }) => token), ["Hello", " world"]);
  assertEquals(logprobs[0].top_logprobs.length, 2);
  const { logprobs: none } = await (await send("POST", "/api/chat", { ...CHAT, stream: false }))
    .json();
  assertEquals(none, undefined);
});

const REFUSED: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ format: "yaml" }, 'format: must be "json" or a JSON Schema'],
  [
    { tool_choice: "all" },
    "tool_choice: must be auto, none, required or a function with its name",
  ],
  [{ think: "a lot" }, "think: must be true, false, low, medium, high or max"],
  [{ top_logprobs: 2 }, "top_logprobs: requires logprobs to be true"],
  [
    { options: { tfs_z: 0.5 } },
    "options.tfs_z: must be 1: llama.cpp has removed this sampler",
  ],
  [
    { messages: [{ role: "user", content: "x", images: ["aGk="] }] },
    "messages[0].images[0]: the model reads no images: it has no projector (mmproj)",
  ],
  [{ model: "" }, "model is required"],
  [{ model: null }, "model is required"],
];

for (const [fields, error] of REFUSED) {
  Deno.test(`chat refuses: ${error}`, async () => {
    const response = await server().send("POST", "/api/chat", { ...CHAT, ...fields });
    assertEquals(response.status, 400);
    assertEquals(await response.json(), { error });
  });
}

Deno.test("an unknown model is 404 with one sentence", async () => {
  const response = await server().send("POST", "/api/chat", { ...CHAT, model: "other" });
  assertEquals(response.status, 404);
  assertEquals(await response.json(), { error: "model 'other' not found" });
});

Deno.test("a failure on the way is a last line with error", async () => {
  const error = new ShimmyError("backend", "The model broke");
  const { send } = server({ engine: { script: { tokens: ["Hi"], error } } });
  const lines = await linesOf(await send("POST", "/api/chat", CHAT));
  assertEquals(lines.at(-1) as unknown, { error: "The model broke" });
  assertEquals(lines.some(({ done }) => done), false);
});

Deno.test("keep_alive 0 unloads after the answer, streamed or not", async () => {
  for (const stream of [true, false]) {
    const { entry, pool, send } = server();
    const response = await send("POST", "/api/chat", { ...CHAT, stream, keep_alive: 0 });
    assertStringIncludes(await response.text(), '"done":true');
    assertEquals(pool.state(entry).state, "unloaded");
  }
});

Deno.test("without messages the model is loaded, and unloaded with keep_alive 0", async () => {
  const { entry, pool, send } = server();
  const loaded = await (await send("POST", "/api/chat", { model: "double" })).json();
  assertEquals([loaded.done, loaded.done_reason], [true, "load"]);
  assertEquals(pool.state(entry).state, "loaded");
  const body = { model: "double", messages: [], keep_alive: "0" };
  const unloaded = await (await send("POST", "/api/chat", body)).json();
  assertEquals([unloaded.done, unloaded.done_reason], [true, "unload"]);
  assertEquals(pool.state(entry).state, "unloaded");
});

Deno.test("generate answers a prompt through the chat template", async () => {
  const { engine, send } = server();
  const body = { model: "double", prompt: "Hi", system: "Be brief.", options: {} };
  const lines = await linesOf(await send("POST", "/api/generate", body));
  assertEquals(lines.map(({ response }) => response), ["Hello", " world", ""]);
  const prompt = promptText(engine.requests[0]!);
  assertStringIncludes(prompt, "system\nBe brief.");
  assertStringIncludes(prompt, "user\nHi");
});

Deno.test("a raw prompt goes to the model as it is", async () => {
  const { engine, send } = server();
  const body = { model: "double", prompt: "Once", raw: true, stream: false };
  assertEquals((await (await send("POST", "/api/generate", body)).json()).response, "Hello world");
  assertEquals(promptText(engine.requests[0]!), "Once");
});

Deno.test("raw refuses fields that need the template", async () => {
  const { send } = server();
  const body = { model: "double", prompt: "Once", raw: true, system: "Be brief." };
  const response = await send("POST", "/api/generate", body);
  assertEquals(await response.json(), { error: "system: cannot be combined with raw" });
});

Deno.test("a suffix is filled in between the vocabulary's own tokens", async () => {
  const { engine, send } = server({
    engine: {
      info: { fim: { prefix: 5, suffix: 6, middle: 7, repository: null, separator: null } },
    },
  });
  const body = { model: "double", prompt: "a", suffix: "b", stream: false };
  await (await send("POST", "/api/generate", body)).body?.cancel();
  assertEquals(promptText(engine.requests[0]!), "[5,97,6,98,7]");
});

Deno.test("a suffix is refused if the vocabulary lacks fill-in-the-middle tokens", async () => {
  const body = { model: "double", prompt: "a", suffix: "b" };
  const response = await server().send("POST", "/api/generate", body);
  assertEquals(await response.json(), {
    error: "suffix: the model's vocabulary has no fill-in-the-middle tokens",
  });
});

Deno.test("generate under /ollama is Ollama's whatever the body", async () => {
  const { send } = server();
  const body = { model: "double", prompt: "Hi", stream: false };
  const { response, done_reason } = await (await send("POST", "/ollama/api/generate", body)).json();
  assertEquals([response, done_reason], ["Hello world", "stop"]);
});

Deno.test("a template of the request takes the place of the chat template", async () => {
  const { engine, send } = server();
  const template = "{{ if .System }}[{{ .System }}]{{ end }}<{{ .Prompt }}>{{ .Response }}";
  const body = { model: "double", prompt: "Hi", system: "S", template, stream: false };
  assertEquals((await (await send("POST", "/api/generate", body)).json()).response, "Hello world");
  assertEquals(promptText(engine.requests[0]!), "[S]<Hi>");
  const both = await send("POST", "/api/generate", { ...body, context: [1] });
  assertEquals(await both.json(), { error: "context: cannot be combined with template" });
  const refused = await send("POST", "/api/generate", { ...body, template: "{{ .Tools }}" });
  assertEquals(refused.status, 400);
  assertStringIncludes((await refused.json()).error, "template: '{{ .Tools }}' is not supported");
});

Deno.test("tags lists every model with its details", async () => {
  const { send } = server({ entry: { parameters: 2_621_440, modified: 86_400_000, size: 9 } });
  const { models } = await (await send("GET", "/api/tags")).json();
  assertMatch(models[0].digest, /^[0-9a-f]{64}$/);
  assertEquals({ ...models[0], digest: "" }, {
    name: "double:latest",
    model: "double:latest",
    size: 9,
    digest: "",
    modified_at: "1970-01-02T00:00:00.000Z",
    details: {
      parent_model: "",
      format: "gguf",
      family: "double",
      families: ["double"],
      parameter_size: "2.62M",
      quantization_level: "F32",
      context_length: 1024,
      embedding_length: 4,
    },
    capabilities: ["completion", "tools"],
  });
});

Deno.test("ps lists a model while it is loaded", async () => {
  const gpu = {
    name: "GPU0",
    description: "a double",
    kind: "gpu",
    backend: "double",
    memoryFree: 1000,
    memoryTotal: 2000,
  } as const;
  const placement = [
    { device: "GPU0", layers: 1, weightBytes: 25, kvBytes: 8, computeBytes: 7 },
    { device: "CPU", layers: 4, weightBytes: 75, kvBytes: 24, computeBytes: null },
  ];
  const { send } = server({ engine: { info: { size: 100, devices: [gpu], placement } } });
  const running = async () => (await (await send("GET", "/ollama/api/ps")).json()).models;
  assertEquals(await running(), []);
  await (await send("POST", "/api/chat", CHAT)).text();
  const [{ name, size, size_vram, context_length, expires_at }] = await running();
  assertEquals([name, size, size_vram, context_length], ["double:latest", 139, 40, 1024]);
  assertEquals(new Date(expires_at).getUTCFullYear(), 9999);
});

Deno.test("ps reports when an idle model is unloaded", async () => {
  const { pool, entry, send } = server();
  await (await send("POST", "/api/chat", { ...CHAT, keep_alive: "10m" })).text();
  const state = pool.state(entry);
  const use = { requests: 0, isPinned: false, expiresInMs: 600_000, bytes: null };
  pool.state = () => ({ ...state, use });
  const { models } = await (await send("GET", "/ollama/api/ps")).json();
  const left = Date.parse(models[0].expires_at) - Date.now();
  assert(left > 590_000 && left <= 600_000, String(left));
});

Deno.test("show reports metadata, and all metadata once the model is loaded", async () => {
  const metadata = { "double.block_count": "4", "general.license": "mit", "general.name": "7" };
  const { send } = server({
    engine: { info: { metadata } },
    entry: { chatTemplate: "{{ messages }}" },
  });
  const shown = async (body: unknown) => await (await send("POST", "/api/show", body)).json();
  const before = await shown({ model: "double:latest" });
  assertEquals(before.template, "{{ messages }}");
  assertEquals(before.model_info, {
    "general.architecture": "double",
    "general.parameter_count": 1,
    "double.context_length": 1024,
    "double.embedding_length": 4,
  });
  assertEquals(before.license, undefined);
  await (await send("POST", "/api/chat", CHAT)).text();
  const after = await shown({ name: "double" });
  assertEquals(after.license, "mit");
  assertEquals(after.model_info["double.block_count"], 4);
  assertEquals(after.model_info["general.name"], "7");
});

Deno.test("show and tags tell that a model reads images, and show has the projector's metadata", async () => {
  const projector = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await Deno.writeFile(projector, projectorFile());
    const { send } = server({ entry: { projector } });
    const shown = await (await send("POST", "/api/show", { model: "double" })).json();
    assertEquals(shown.capabilities.includes("vision"), true);
    assertEquals(shown.details.families, ["double", "clip"]);
    assertEquals(shown.projector_info, {
      "general.architecture": "clip",
      "general.type": "mmproj",
      "clip.vision.projection_dim": 64,
    });
    const { models } = await (await send("GET", "/api/tags")).json();
    assertEquals(models[0].capabilities.includes("vision"), true);
  } finally {
    await Deno.remove(projector);
  }
});

Deno.test("embed unloads with keep_alive 0", async () => {
  const { entry, pool, send } = server();
  const body = { model: "double", input: "abc", keep_alive: 0 };
  await (await send("POST", "/api/embed", body)).body?.cancel();
  assertEquals(pool.state(entry).state, "unloaded");
});

Deno.test("a client that leaves a stream ends the answer", async () => {
  const { engine, send } = server({ engine: { script: { tokens: ["a"], endless: true } } });
  const reader = (await send("POST", "/api/chat", CHAT)).body!.getReader();
  await reader.read();
  await reader.cancel();
  for (let waited = 0; engine.running > 0 && waited < 1000; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assertEquals(engine.running, 0);
  assertEquals(engine.finished.includes("length"), false);
});

Deno.test("every answer fits the schema that describes it", async () => {
  const { send } = server({
    engine: { info: { chatTemplate: TINY_TEMPLATE, metadata: { "double.x": "1" } } },
  });
  const asked = { model: "double", stream: false };
  const bodies: Readonly<Record<string, unknown>> = {
    "/api/chat": { ...CHAT, stream: false, logprobs: true, top_logprobs: 1 },
    "/ollama/api/generate": { ...asked, prompt: "Hi", logprobs: true },
    "/api/embed": { model: "double", input: ["a", "b"] },
    "/api/embeddings": { model: "double", prompt: "a" },
    "/api/show": { model: "double" },
  };
  for (const { method, path, answer } of await describedRoutes(ollamaRoutes)) {
    const body = bodies[path];
    if ((method !== "GET" && body === undefined) || answer === undefined) continue;
    answer.parse(await (await send(method, path, body)).json());
  }
  for (
    const [path, body] of [["/api/chat", CHAT], ["/ollama/api/generate", {
      ...asked,
      prompt: "Hi",
      stream: true,
    }]] as const
  ) {
    const { answer } = await ollamaRoutes.find((route) => route.path === path)!.load!();
    for (const line of await linesOf(await send("POST", path, body))) answer!.parse(line);
  }
});

Deno.test("every route is described", async () => {
  const { paths } = await (await server().send("GET", "/openapi.json")).json();
  for (const path of ["chat", "show", "generate"]) {
    const { requestBody } = paths[`/ollama/api/${path}`].post;
    assertEquals(requestBody.content["application/json"].schema.type, "object");
  }
});
