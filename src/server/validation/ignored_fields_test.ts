import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as z from "zod";
import { serverDouble } from "../../../tests/doubles/server.ts";
import { ShimmyError } from "../../errors.ts";
import { parseStrict } from "./ignored_fields.ts";
import type { AccessRecord } from "../http/usage.ts";

const CHAT = "/v1/chat/completions";
const MESSAGES = [{ role: "user", content: "Hello" }];

/** Sends a chat request; gives its status, the ignored fields and the message of an error. */
async function ask(
  fields: Record<string, unknown>,
  { strict = false, headers = {} }: { strict?: boolean; headers?: Record<string, string> } = {},
) {
  const server = serverDouble({ settings: { strict } });
  const body = { messages: MESSAGES, ...fields };
  const response = await server.send("POST", CHAT, body, headers);
  const { error } = await response.json();
  return {
    status: response.status,
    ignored: response.headers.get("x-shimmy-ignored"),
    message: error?.message as string | undefined,
    requests: server.engine.requests.length,
  };
}

Deno.test("unknown fields are ignored at every depth and reported", async () => {
  const { status, ignored } = await ask({
    colour: "red",
    messages: [
      { role: "user", content: [{ type: "text", text: "Hi", mood: 1 }], tags: [] },
      { role: "user", content: "Hello", tags: [] },
    ],
    stream_options: undefined,
    response_format: { type: "text", width: 3 },
    tool_choice: { type: "function", function: { name: "f", x: 1 } },
    tools: [{ type: "function", function: { name: "f" }, cache: true }],
  });
  assertEquals(status, 200);
  assertEquals(ignored?.split(", ").toSorted(), [
    "colour",
    "messages[].content[].mood",
    "messages[].tags",
    "response_format.width",
    "tool_choice.function.x",
    "tools[].cache",
  ]);
});

Deno.test("null means absent at every depth and is not reported", async () => {
  const nulls = { name: null, tool_calls: null, tool_call_id: null };
  for (const strict of [false, true]) {
    const { status, ignored } = await ask({
      model: "double",
      messages: [{ role: "user", content: "Hello", ...nulls }],
      colour: null,
      tools: [{ type: "function", function: { name: "f", extra: null } }],
    }, { strict });
    assertEquals([status, ignored], [200, null]);
  }
});

Deno.test("a wrong value that cannot be repaired is validated once", () => {
  let count = 0;
  const schema = z.strictObject({
    a: z.unknown().refine(() => {
      count++;
      return false;
    }, { error: "must be something else" }),
  });
  assertThrows(() => parseStrict(schema, { a: 1 }), ShimmyError, "a: must be something else");
  assertEquals(count, 1);
});

Deno.test("null where a value is required is an error", async () => {
  const { status, message } = await ask({ messages: [{ role: "user", content: null }] });
  assertEquals([status, message], [
    400,
    "messages[0].content: is missing; must be text or a list of text, image and audio parts",
  ]);
});

Deno.test("an absent field that is required is missing, and one of another type is not", async () => {
  assertEquals(
    (await ask({ messages: undefined })).message,
    "messages: is missing; must be a list of messages",
  );
  assertEquals((await ask({ messages: 7 })).message, "messages: must be a list of messages");
});

Deno.test("free-form JSON keeps its nulls and unknown keys", async () => {
  const parameters = { type: "object", properties: { a: { enum: [null, 1], default: null } } };
  const server = serverDouble();
  const tools = [{ type: "function", function: { name: "f", parameters }, colour: 1 }];
  const response = await server.send("POST", CHAT, { messages: MESSAGES, tools });
  assertEquals(response.headers.get("x-shimmy-ignored"), "tools[].colour");
  await response.body?.cancel();
  assertStringIncludes(
    JSON.stringify(server.engine.requests[0]).replaceAll("\\", ""),
    '{"a": {"enum": [null, 1], "default": null}}',
  );
});

for (
  const [name, options] of [
    ["--strict", { strict: true }],
    ["x-shimmy-strict: 1", { headers: { "x-shimmy-strict": "1" } }],
  ] as const
) {
  Deno.test(`with ${name} an unknown field is an error`, async () => {
    const { status, message, ignored, requests } = await ask({ colour: "red", n: 1 }, options);
    assertEquals([status, message], [400, "colour: is not a known field"]);
    assertEquals([ignored, requests], [null, 0]);
  });
}

Deno.test("fields that matter to the answer are still refused by name", async () => {
  const { status, message, ignored } = await ask({ audio: {}, colour: "red" });
  assertEquals([status, message], [400, "audio: answers have no audio"]);
  assertEquals(ignored, "colour");
});

/** Values of known fields that have no effect here, by route. */
const WITHOUT_EFFECT: readonly (readonly [string, Record<string, unknown>])[] = [
  [CHAT, {
    store: true,
    verbosity: "low",
    service_tier: "flex",
    prompt_cache_retention: "1h",
    prompt_cache_options: { mode: "explicit", prewarm: true },
    prediction: { type: "content", content: "x" },
  }],
  ["/v1/responses", {
    input: "Hi",
    truncation: "auto",
    service_tier: "priority",
    text: { verbosity: "high" },
    reasoning: { mode: "pro", context: "some_turns" },
  }],
  ["/v1/messages", {
    model: "double",
    max_tokens: 8,
    messages: MESSAGES,
    speed: "fast",
    service_tier: "priority",
    inference_geo: "eu",
    diagnostics: {},
    output_config: { task_budget: { total: 1 } },
    tools: [{ name: "f", input_schema: { type: "object" }, eager_input_streaming: false }],
  }],
  ["/api/chat", {
    model: "double",
    messages: MESSAGES,
    truncate: true,
    shift: true,
    options: {
      num_batch: 7,
      num_thread: 99,
      num_gpu: 99,
      main_gpu: 1,
      use_mmap: false,
      numa: 5,
    },
  }],
  ["/ollama/api/generate", { model: "double", prompt: "Hi", options: { low_vram: "yes" } }],
  ["/api/show", { model: "double", options: { num_ctx: 9 }, template: "x" }],
];

/** The paths of the fields that {@linkcode WITHOUT_EFFECT} sets, without those of the base request. */
function leaves(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, `${path}[]`));
  if (typeof value !== "object" || value === null) return [path];
  const fields = Object.entries(value);
  if (fields.length === 0) return [path];
  return fields.flatMap(([name, inner]) => leaves(inner, path === "" ? name : `${path}.${name}`));
}

for (const [path, body] of WITHOUT_EFFECT) {
  Deno.test(`${path} ignores values that cannot change the answer, unless strict`, async () => {
    const { request, send } = serverDouble();
    const asked = path === CHAT ? { messages: MESSAGES, ...body } : body;
    const response = await request(path, asked);
    assertEquals(response.status, 200);
    const fields = response.headers.get("x-shimmy-ignored")!.split(", ");
    await response.body?.cancel();
    const base = /^(model|prompt|input|max_tokens|messages.*|tools\[\]\.(name|input_schema.*))$/;
    for (const field of leaves(body).filter((one) => !base.test(one))) {
      const found = fields.some((one) => field === one || field.startsWith(`${one}.`));
      assertEquals([field, found], [field, true], fields.join());
    }
    const strict = await send("POST", path, asked, { "x-shimmy-strict": "1" });
    assertEquals(strict.status, 400);
    await strict.body?.cancel();
  });
}

Deno.test("values that describe what the server does are accepted in strict mode", async () => {
  const values = { store: false, verbosity: "medium", service_tier: "auto", user: "me" };
  const { status, ignored } = await ask(values, { strict: true });
  assertEquals([status, ignored?.split(", ").toSorted()], [200, Object.keys(values).toSorted()]);
});

Deno.test("names from clients are bounded and safe in the header", async () => {
  const { ignored } = await ask({ "a b\r\nset-cookie: x": 1, ["x".repeat(500)]: 1 });
  assertEquals(ignored, `a?b??set-cookie??x, ${"x".repeat(61)}...`);
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`f${index}`, 1]));
  assertEquals((await ask(many)).ignored?.split(", ").length, 32);
});

Deno.test("every route of the dialects of other servers ignores unknown fields", async () => {
  const { request } = serverDouble();
  const asked = { model: "double", messages: MESSAGES };
  for (
    const [path, body] of [
      ["/v1/completions", { prompt: "Hi" }],
      ["/v1/responses", { input: [{ role: "user", content: "Hi", mood: 1 }] }],
      ["/tokenize", { content: "Hi" }],
      ["/detokenize", { tokens: [1] }],
      ["/apply-template", { messages: MESSAGES }],
      ["/v1/messages", { ...asked, max_tokens: 8 }],
      ["/v1/messages", { ...asked, max_tokens: 8, stream: true }],
      ["/v1/messages/count_tokens", asked],
      ["/api/chat", asked],
      ["/api/chat", { ...asked, stream: false }],
      ["/ollama/api/generate", { model: "double", prompt: "Hi" }],
      ["/api/generate", { model: "double", prompt: "Hi", options: {} }],
      ["/api/show", { model: "double" }],
    ] as const
  ) {
    const response = await request(path, { ...body, colour: 1 });
    assertEquals(response.status, 200, path);
    assertStringIncludes(response.headers.get("x-shimmy-ignored")!, "colour");
    await response.body?.cancel();
  }
  const native = await request("/api/generate", { prompt: "Hi", colour: 1 });
  assertEquals([native.status, native.headers.get("x-shimmy-ignored")], [400, null]);
  await native.body?.cancel();
});

Deno.test("the native API takes null as absent, and names the nearest field of a typo", async () => {
  const { engine, request } = serverDouble();
  const nulls = { name: null, tool_calls: null, tool_call_id: null };
  const body = {
    model: "double",
    prompt: null,
    messages: [{ role: "user", content: "Hello", ...nulls }],
    stream: true,
    temperature: 0,
    top_p: null,
    top_k: null,
    max_tokens: null,
    reasoning_sampling: { temperature: null, colour: null },
  };
  const response = await request("/api/generate", body);
  assertEquals([response.status, response.headers.get("x-shimmy-ignored")], [200, null]);
  await response.text();
  assertEquals(engine.requests.length, 1);
  for (
    const [fields, message] of [
      [{ temprature: 1 }, "temprature: is not a known field; did you mean temperature?"],
      [
        { messages: [{ role: "user", content: "Hi", nam: "x" }] },
        "messages[0].nam: is not a known field; did you mean name?",
      ],
      [
        { reasoning_sampling: { topp: 1 } },
        "reasoning_sampling.topp: is not a known field; did you mean top_p?",
      ],
      [
        { messages: [{ role: "user", content: null }] },
        "messages[0].content: is missing; must be text",
      ],
    ] as const
  ) {
    const refused = await request("/api/generate", { ...body, ...fields });
    assertEquals([refused.status, (await refused.json()).error], [400, message]);
  }
});

Deno.test("the Anthropic dialect ignores unknown fields at every depth", async () => {
  const { request, send } = serverDouble();
  const block = (text: string) => ({
    type: "text",
    text,
    cache_control: { type: "ephemeral", scope: "global" },
    mood: null,
    colour: 1,
  });
  const body = {
    model: "double",
    max_tokens: 8,
    system: [block("Be brief."), block("Be kind.")],
    messages: [{ role: "user", content: Array.from({ length: 40 }, () => block("Hi")), id: "x" }],
    tools: [
      { name: "f", input_schema: { type: "object" }, colour: 1 },
      { type: "tool_search_tool_bm25", name: "search", colour: 1 },
    ],
    thinking: { type: "adaptive", colour: 1 },
    output_config: { effort: "low", colour: 1 },
  };
  const response = await request("/v1/messages", body);
  assertEquals([response.status, await response.json().then(({ type }) => type)], [200, "message"]);
  assertEquals(response.headers.get("x-shimmy-ignored")?.split(", ").toSorted(), [
    "messages[].content[].cache_control",
    "messages[].content[].colour",
    "messages[].id",
    "output_config.colour",
    "system[].cache_control",
    "system[].colour",
    "thinking.colour",
    "tools[].colour",
  ]);
  const strict = await send("POST", "/v1/messages", body, { "x-shimmy-strict": "1" });
  assertEquals(strict.status, 400);
  assertEquals((await strict.json()).error.type, "invalid_request_error");
});

Deno.test("the Ollama dialect ignores unknown fields at every depth", async () => {
  const { request, send } = serverDouble();
  const body = {
    model: "double",
    stream: false,
    messages: [{ role: "user", content: "Hi", name: null, colour: 1 }],
    tools: [{ type: "function", function: { name: "f", colour: 1 } }],
    options: { temperature: 0, warmth: 1, seed: null, depth: null },
    colour: 1,
  };
  const response = await request("/api/chat", body);
  assertEquals([response.status, (await response.json()).done], [200, true]);
  assertEquals(response.headers.get("x-shimmy-ignored")?.split(", ").toSorted(), [
    "colour",
    "messages[].colour",
    "options.warmth",
    "tools[].function.colour",
  ]);
  const strict = await send("POST", "/api/chat", body, { "x-shimmy-strict": "1" });
  assertEquals([strict.status, (await strict.json()).error.includes("is not a known field")], [
    400,
    true,
  ]);
});

Deno.test("ignored fields are in the header of streams, the access log and the metrics", async () => {
  const records: AccessRecord[] = [];
  const { request } = serverDouble({ context: { access: (record) => records.push(record) } });
  const body = { messages: MESSAGES, stream: true, colour: 1, "f g": 2 };
  const response = await request(CHAT, body);
  assertEquals(response.headers.get("x-shimmy-ignored"), "colour, f?g");
  await response.text();
  assertEquals(records[0]?.ignoredFields, ["colour", "f?g"]);
  const generate = { model: "double", prompt: "Hi", options: {}, colour: 1 };
  await (await request("/api/generate", generate)).text();
  const metrics = await (await request("/metrics")).text();
  for (const dialect of ["openai", "ollama"]) {
    assertStringIncludes(
      metrics,
      `shimmy_ignored_fields_total{dialect="${dialect}",field="colour"} 1\n`,
    );
  }
});

Deno.test("pages of a listed origin may read the header of ignored fields", async () => {
  const origin = "https://page.example";
  const { send } = serverDouble({ settings: { corsOrigins: [origin] } });
  const response = await send("POST", CHAT, { messages: MESSAGES, colour: 1 }, { origin });
  await response.body?.cancel();
  const exposed = response.headers.get("access-control-expose-headers")!.split(", ");
  assertEquals(exposed.includes("x-shimmy-ignored"), true);
  assertEquals(response.headers.get("x-shimmy-ignored"), "colour");
});

Deno.test("the metric has a bounded number of fields", async () => {
  const { request } = serverDouble();
  for (let round = 0; round < 6; round++) {
    const fields = Object.fromEntries(
      Array.from({ length: 32 }, (_, index) => [`f${round}_${index}`, 1]),
    );
    await (await request("/tokenize", { content: "x", ...fields })).body?.cancel();
  }
  const metrics = await (await request("/metrics")).text();
  assertEquals(metrics.match(/shimmy_ignored_fields_total\{/g)?.length, 129);
  assertStringIncludes(metrics, 'field="other"} 64\n');
});
