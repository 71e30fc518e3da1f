import * as z from "zod";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { post, serverDouble, SETTINGS, until } from "../../../../tests/doubles/context.ts";
import type { EngineDoubleOptions } from "../../../../tests/doubles/engine.ts";
import { PoolDouble } from "../../../../tests/doubles/pool.ts";
import { ShimmyError } from "../../../errors.ts";
import { createHandler } from "../../app.ts";
import { HttpError } from "../../http/errors.ts";
import { generateRoute } from "./generate_route.ts";

const failing: EngineDoubleOptions = {
  script: { tokens: ["Hel", "lo"], error: new ShimmyError("backend", "The device was lost") },
};

async function generate(
  body: unknown,
  engine: EngineDoubleOptions = {},
  headers: HeadersInit = {},
): Promise<Response> {
  return await serverDouble(engine).handler(post("/api/generate", body, headers));
}

/** The prompt an engine was given, as one text. */
async function promptOf(body: unknown): Promise<string> {
  const { handler, engine } = serverDouble();
  const response = await handler(post("/api/generate", body));
  assertEquals(response.status, 200, await response.text());
  return engine.requests[0]!.prompt.map((part) => "text" in part ? part.text : "").join("");
}

Deno.test("an answer that is not streamed comes whole, with usage and timings", async () => {
  const response = await generate({ prompt: "Hi" });
  assertEquals(response.status, 200);
  const { created_at, usage, ...answer } = await response.json();
  assert(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
  assert(usage.prompt_tokens > 0);
  assertEquals(usage, {
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: 2,
    total_tokens: usage.prompt_tokens + 2,
    cached_tokens: 0,
  });
  assertEquals(answer, {
    response: "Hello world",
    model: "tiny",
    done: true,
    finish_reason: "stop",
    timings: {
      queue_ms: 1,
      prompt_ms: 2,
      first_token_ms: 3,
      predicted_ms: 4,
      prompt_per_second: 5,
      predicted_per_second: 6,
    },
  });
});

Deno.test("a stream is one event a token, then [DONE]", async () => {
  const response = await generate({ prompt: "Hi", stream: true });
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assertEquals(await response.text(), "data: Hello\n\ndata:  world\n\ndata: [DONE]\n\n");
});

Deno.test("newlines in a token become several data lines", async () => {
  const response = await generate({ prompt: "Hi", stream: true }, {
    script: { tokens: ["a\n", "\n\nb", "\r\nc"] },
  });
  assertEquals(
    await response.text(),
    "data: a\ndata: \n\ndata: \ndata: \ndata: b\n\ndata: \ndata: c\n\ndata: [DONE]\n\n",
  );
});

Deno.test("the format json streams unified events", async () => {
  const response = await generate({ prompt: "Hi", stream: true, stream_format: "json" });
  const lines = (await response.text()).split("\n\n").filter((line) => line !== "");
  const id = response.headers.get("x-shimmy-answer")!;
  assertEquals(lines.slice(0, 2), [
    `data: {"token":"Hello","index":0,"id":72,"answer":"${id}"}`,
    'data: {"token":" world","index":1,"id":32}',
  ]);
  const done = JSON.parse(lines[2]!.slice("data: ".length));
  assertEquals(Object.keys(done), ["done", "finish_reason", "usage", "timings", "answer"]);
  assertEquals(lines.slice(3), ["data: [DONE]"]);
});

const forms: readonly (readonly [Record<string, unknown>, string, string])[] = [
  [{}, "*/*", "application/json"],
  [{}, "text/event-stream, application/json", "application/json"],
  [{}, "text/event-stream", "text/event-stream; charset=utf-8"],
  [{}, "text/event-stream;q=0.5, application/x-ndjson", "application/x-ndjson; charset=utf-8"],
  [{}, "application/x-ndjson;q=0, */*", "application/json"],
  [{ stream: true }, "application/json", "text/event-stream; charset=utf-8"],
  [{ stream: false }, "application/x-ndjson", "application/json"],
  [{ stream_format: "json" }, "application/x-ndjson", "text/event-stream; charset=utf-8"],
];

for (const [body, accept, type] of forms) {
  Deno.test(`${JSON.stringify(body)} with Accept ${accept} is sent as ${type}`, async () => {
    const response = await generate({ prompt: "Hi", ...body }, {}, { accept });
    assertEquals(response.headers.get("content-type"), type);
    await response.body?.cancel();
  });
}

const ndjsonRequests: readonly (readonly [Record<string, unknown>, HeadersInit])[] = [
  [{ stream_format: "ndjson" }, {}],
  [{}, { accept: "application/x-ndjson" }],
  [{ stream: true }, { accept: "text/plain, application/x-ndjson;q=0.9" }],
];

for (const [body, headers] of ndjsonRequests) {
  Deno.test(`NDJSON is selected by ${JSON.stringify([body, headers])}`, async () => {
    const response = await generate({ prompt: "Hi", ...body }, {}, headers);
    assertEquals(response.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
    const events = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.slice(0, 2), [
      { token: "Hello", index: 0, id: 72, answer: response.headers.get("x-shimmy-answer") },
      { token: " world", index: 1, id: 32 },
    ]);
    assertEquals(events[2].done, true);
    assertEquals(events.length, 3);
  });
}

Deno.test("stream: false wins over a format", async () => {
  const response = await generate({ prompt: "Hi", stream: false, stream_format: "json" });
  assertEquals((await response.json()).response, "Hello world");
});

Deno.test("a failure in mid-stream is an error event without [DONE]", async () => {
  const text = await (await generate({ prompt: "Hi", stream: true }, failing)).text();
  assertEquals(
    text,
    'data: Hel\n\ndata: lo\n\nevent: error\ndata: {"error":"The device was lost"}\n\n',
  );
  const lines = await (await generate({ prompt: "Hi", stream_format: "ndjson" }, failing)).text();
  assertEquals(lines.split("\n").at(-2), '{"error":"The device was lost"}');
});

Deno.test("a failure of an answer that is not streamed is 502", async () => {
  const response = await generate({ prompt: "Hi" }, failing);
  assertEquals(response.status, 502);
  assertEquals(await response.json(), { error: "The device was lost" });
});

Deno.test("a failure before the first token has its status in a stream too", async () => {
  const response = await generate({ prompt: "Hi".repeat(50), stream: true }, {
    info: { contextLength: 16 },
  });
  assertEquals(response.status, 400);
  assertStringIncludes((await response.json()).error, "the context holds 16");
});

Deno.test("a stream that is silent is kept open with comments", async () => {
  const gate = Promise.withResolvers<void>();
  const { handler } = serverDouble({ beforeToken: () => gate.promise }, { keepAliveMs: 5 });
  const response = await handler(post("/api/generate", { prompt: "Hi", stream: true }));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  assertEquals((await reader.read()).value, ": keep-alive\n\n");
  assertEquals((await reader.read()).value, ": keep-alive\n\n");
  gate.resolve();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
  assertStringIncludes(text, "data: Hello\n\n");
  assertStringIncludes(text, "data: [DONE]\n\n");
});

Deno.test("a client that leaves a stream cancels its answer, even between two tokens", async () => {
  const gate = Promise.withResolvers<void>();
  let waiting = false;
  const { handler, engine } = serverDouble({
    script: { tokens: ["x"], endless: true },
    beforeToken: async (index) => {
      if (index < 1) return;
      waiting = true;
      await gate.promise;
    },
  });
  const response = await handler(post("/api/generate", { prompt: "Hi", stream: true }));
  const reader = response.body!.getReader();
  await reader.read();
  const second = reader.read();
  await until(() => waiting);
  await reader.cancel();
  assertEquals((await second).done, true);
  assertEquals(engine.controls, [{ type: "cancel" }]);
  gate.resolve();
  await until(() => engine.running === 0);
  assertEquals(engine.finished, ["cancelled"]);
});

Deno.test("a stream that is never read is cancelled when its client disconnects", async () => {
  const { handler, engine } = serverDouble({ script: { tokens: ["x"], endless: true } });
  const response = await handler(post("/api/generate", { prompt: "Hi", stream: true }));
  await response.body!.cancel();
  assertEquals(engine.controls, [{ type: "cancel" }]);
});

Deno.test("a client that leaves while it waits for a whole answer cancels it", async () => {
  const { handler, engine } = serverDouble({
    script: { tokens: ["x"], endless: true },
    beforeToken: () => new Promise((resolve) => setTimeout(resolve, 1)),
  });
  const leaving = new AbortController();
  const request = new Request(post("/api/generate", { prompt: "Hi" }), { signal: leaving.signal });
  const response = handler(request);
  await until(() => engine.running === 1);
  leaving.abort();
  await (await response).body?.cancel();
  assertEquals(engine.finished, ["cancelled"]);
});

Deno.test("a stream is produced no faster than it is read", async () => {
  let made = 0;
  const { handler } = serverDouble({
    info: { contextLength: 100_000 },
    script: { tokens: ["x"], endless: true },
    beforeToken: () => void made++,
  });
  const response = await handler(post("/api/generate", { prompt: "Hi", stream: true }));
  const reader = response.body!.getReader();
  for (let read = 0; read < 5; read++) await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert(made <= 300, `${made} tokens were made for 5 reads`);
  await reader.cancel();
});

Deno.test("sampling, limits and stops of a request reach the engine", async () => {
  const { handler, engine } = serverDouble();
  const response = await handler(post("/api/generate", {
    prompt: "Hi",
    max_tokens: 1,
    temperature: 0,
    dry_multiplier: 0.5,
    stop: "END",
    ignore_eos: true,
  }));
  assertEquals((await response.json()).finish_reason, "length");
  const request = engine.requests[0]!;
  assertEquals(request.maxTokens, 1);
  assertEquals(request.sampling, { temperature: 0, dryMultiplier: 0.5 });
  assert(request.stop.includes("END"));
  assertEquals(request.ignoreEos, true);
});

Deno.test("a prompt goes through the chat template unless it is raw", async () => {
  const chat = await promptOf({ prompt: "Hi there", system: "Be brief" });
  assertStringIncludes(chat, "Be brief");
  assertStringIncludes(chat, "<|im_start|>user\nHi there");
  assertEquals(await promptOf({ prompt: "Hi there", raw: true }), "Hi there");
});

Deno.test("messages win over the prompt", async () => {
  const prompt = await promptOf({
    prompt: "ignored",
    system: "Be brief",
    messages: [{ role: "user", content: "One" }, { role: "assistant", content: "Two" }, {
      role: "user",
      content: "Three",
    }],
  });
  assertEquals(prompt.includes("ignored"), false);
  for (const text of ["Be brief", "One", "Two", "Three"]) assertStringIncludes(prompt, text);
});

const refused: readonly (readonly [unknown, string])[] = [
  ["{", "body: must be JSON in UTF-8"],
  [{}, "prompt: is required when there are no messages"],
  [{ prompt: 1 }, "prompt: must be text"],
  [{ prompt: "Hi", temperature: -1 }, "temperature: must be a number from 0 to 100"],
  [{ prompt: "Hi", max_tokens: 0 }, "max_tokens: must be a whole number, 1 or more"],
  [{ prompt: "Hi", max_token: 5 }, "max_token: is not a known field; did you mean max_tokens?"],
  [{ prompt: "Hi", stream_format: "xml" }, "stream_format: must be one of text, json, ndjson"],
  [{ messages: [] }, "messages: must have at least one message"],
  [
    { messages: [{ role: "robot", content: "" }] },
    "messages[0].role: must be one of system, developer, user, assistant",
  ],
  [
    { system: "a", messages: [{ role: "system", content: "b" }] },
    "system: cannot be used when messages begin with a system message",
  ],
  [
    { prompt: "Hi", grammar: 'root ::= "a"\nb ::= c' },
    "grammar: line 2, column 7: there is no rule named 'c'",
  ],
  [
    { prompt: "Hi", raw: true, stream: true, grammar: "root ::= (" },
    'grammar: line 1, column 11: expected a literal, a class, a name, a group, "|" or the ")" of ' +
    "the group, but found the end of the grammar",
  ],
  [
    { prompt: "Hi", json_schema: {}, grammar: 'root ::= "a"' },
    "grammar: cannot be used with json_schema: choose one",
  ],
  [
    { prompt: "Hi", lora: "pirate" },
    "lora: must be a list of {name, scale} with a scale from -10 to 10",
  ],
  [
    { prompt: "Hi", raw: true, reasoning_sampling: {} },
    "reasoning_sampling: cannot be used with raw: without a template, reasoning is not detected",
  ],
  [
    { prompt: "Hi", raw: true, system: "x" },
    "raw: cannot be used with system, which needs the chat template",
  ],
];

for (const [body, error] of refused) {
  Deno.test(`400 ${error}`, async () => {
    const response = await generate(body);
    assertEquals(response.status, 400);
    assertEquals(await response.json(), { error });
  });
}

Deno.test("an unknown model is 404", async () => {
  const response = await generate({ model: "huge", prompt: "Hi" });
  assertEquals(response.status, 404);
  assertEquals(await response.json(), { error: "Model 'huge' not found" });
});

Deno.test("requests of another dialect to /api/generate are answered by that dialect", async () => {
  const route = generateRoute({
    matches: (headers, body) => headers.has("x-theirs") || Object.hasOwn(body as object, "theirs"),
    load: () =>
      Promise.resolve({
        handle: (_exchange, body) => Response.json({ claimed: body }),
        answer: z.unknown(),
      }),
  });
  const handler = createHandler({ pool: new PoolDouble(), settings: SETTINGS }, [route]);
  const theirs = await handler(post("/api/generate", { theirs: 1 }));
  assertEquals(await theirs.json(), { claimed: { theirs: 1 } });
  const ours = await handler(post("/api/generate", { prompt: "Hi" }));
  assertEquals(ours.status, 404);
  await ours.body?.cancel();
});

Deno.test("a status the engine's owner chose is kept", async () => {
  const response = await generate({ prompt: "Hi" }, {
    script: { tokens: [], error: new HttpError(429, "Slow down") },
  });
  assertEquals(response.status, 429);
  await response.body?.cancel();
});

Deno.test("notices end an answer; their details are reported only to the operator", async () => {
  const notices = [{ message: "session: it could not be saved", detail: "ENOSPC: /srv" }];
  const script = { tokens: ["a"], notices };
  for (const stream_format of [undefined, "json", "ndjson"]) {
    const seen: unknown[] = [];
    const { handler } = serverDouble({ script }, {}, {
      report: ({ message, detail }) => seen.push([message, detail]),
    });
    const response = await handler(post("/api/generate", { prompt: "Hi", stream_format }));
    const text = await response.text();
    assertStringIncludes(text, '"notices":["session: it could not be saved"]');
    assert(!text.includes("/srv"));
    assertEquals(seen, [["session: it could not be saved", "ENOSPC: /srv"]]);
  }
});

Deno.test("timings contain the number of accepted draft tokens", async () => {
  const response = await generate({ prompt: "Hi" }, { script: { tokens: ["a"], drafts: [8, 6] } });
  const { drafted_tokens, accepted_tokens, acceptance_rate } = (await response.json()).timings;
  assertEquals([drafted_tokens, accepted_tokens, acceptance_rate], [8, 6, 0.75]);
});

Deno.test("continue_last ends the prompt with the beginning of the answer", async () => {
  const messages = [
    { role: "user", content: "Name a colour." },
    { role: "assistant", content: "My favourite is" },
  ];
  assert((await promptOf({ messages, continue_last: true })).endsWith("My favourite is"));
  assert(!(await promptOf({ messages })).endsWith("My favourite is"));
});

Deno.test("continue_last without a message of the assistant at the end is 400", async () => {
  const bodies = [
    { prompt: "Hi", continue_last: true },
    { messages: [{ role: "user", content: "Hi" }], continue_last: true },
  ];
  for (const body of bodies) {
    const response = await generate(body);
    assertEquals(response.status, 400);
    assertStringIncludes((await response.json()).error, "continue_last: needs messages");
  }
});
