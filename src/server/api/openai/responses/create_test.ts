import { assertEquals, assertMatch } from "@std/assert";
import { ShimmyError } from "../../../../errors.ts";
import type { EngineDoubleOptions, Script } from "../../../../../tests/doubles/engine.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";
import { openaiRoutes } from "../mod.ts";

const PATH = "/v1/responses";
const serve = (options?: EngineDoubleOptions) =>
  serverDouble({ routes: openaiRoutes, ...(options === undefined ? {} : { engine: options }) });
const says = (...tokens: string[]): Script => ({ tokens });

const ADD = {
  type: "function",
  name: "add",
  parameters: { type: "object", properties: { a: { type: "number" } } },
};
const CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>';

// deno-lint-ignore no-explicit-any
type Json = any;

/** The events of a streamed response, checked to be numbered and named alike. */
async function stream(body: Record<string, unknown>, options?: EngineDoubleOptions) {
  const response = await serve(options).request(PATH, { ...body, stream: true });
  const events: Json[] = [];
  for (const { event, data } of await readEvents(response)) {
    const parsed = JSON.parse(data);
    assertEquals(parsed.type, event);
    assertEquals(parsed.sequence_number, events.length);
    events.push(parsed);
  }
  return events;
}

const types = (events: readonly Json[]) => events.map(({ type }) => type);

Deno.test("a response has OpenAI's shape", async () => {
  const { request } = serve();
  const answer = await (await request(PATH, {
    model: "double",
    input: "Hello",
    instructions: "Be kind.",
    metadata: { run: "7" },
  })).json();
  assertMatch(answer.id, /^resp_[0-9a-f]{24}$/);
  assertEquals(answer.object, "response");
  assertEquals(answer.status, "completed");
  assertEquals(answer.model, "double");
  assertEquals(answer.instructions, "Be kind.");
  assertEquals(answer.metadata, { run: "7" });
  assertEquals(answer.error, null);
  assertEquals(answer.incomplete_details, null);
  const [item] = answer.output;
  assertMatch(item.id, /^msg_/);
  assertEquals({ ...item, id: "" }, {
    id: "",
    type: "message",
    status: "completed",
    role: "assistant",
    content: [{ type: "output_text", text: "Hello world", annotations: [], logprobs: [] }],
  });
  assertEquals(answer.usage.output_tokens, 2);
  assertEquals(answer.usage.total_tokens, answer.usage.input_tokens + 2);
});

Deno.test("text streams through every event in order", async () => {
  const events = await stream({ input: "Hello" });
  assertEquals(types(events), [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
  assertEquals(events[0].response.status, "in_progress");
  assertEquals(events[0].response.output, []);
  assertEquals(events[4].delta + events[5].delta, "Hello world");
  assertEquals(events[6].text, "Hello world");
  assertEquals(events[8].item, events[9].response.output[0]);
});

Deno.test("reasoning, text and calls are items after one another", async () => {
  const script = says("<think>", "Hm.", "</think>", "Adding.", CALL);
  const events = await stream({ input: "Hello", tools: [ADD] }, { script });
  const { output, usage } = events.at(-1).response;
  assertEquals(output.map(({ type }: Json) => type), ["reasoning", "message", "function_call"]);
  assertEquals(output[0].content[0].text.trim(), "Hm.");
  assertEquals(output[0].summary, []);
  assertEquals(JSON.parse(output[2].arguments), { a: 1 });
  assertMatch(output[2].call_id, /./);
  assertEquals(usage.output_tokens_details.reasoning_tokens, output[0].content[0].text.length);
  const added = events.filter(({ type }) => type === "response.output_item.added");
  assertEquals(added.map(({ output_index }) => output_index), [0, 1, 2]);
  const seen = types(events);
  assertEquals(
    seen.filter((type) => type.startsWith("response.reasoning_text")).at(-1),
    "response.reasoning_text.done",
  );
  const done = events.find(({ type }) => type === "response.function_call_arguments.done");
  assertEquals(done.arguments, output[2].arguments);
});

Deno.test("a summary that is asked for is the reasoning itself", async () => {
  const script = says("<think>", "Hm.", "</think>", "Yes.");
  const events = await stream({ input: "Hello", reasoning: { summary: "auto" } }, { script });
  assertEquals(types(events).slice(2, 7), [
    "response.output_item.added",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
  ]);
  assertEquals(events.at(-1).response.output[0].summary[0].text.trim(), "Hm.");
});

Deno.test("an answer that reaches the limit is incomplete, with the reason", async () => {
  const events = await stream({ input: "Hello", max_output_tokens: 1 });
  const { type, response } = events.at(-1);
  assertEquals(type, "response.incomplete");
  assertEquals(response.status, "incomplete");
  assertEquals(response.incomplete_details, { reason: "max_output_tokens" });
  assertEquals(response.output[0].status, "incomplete");
});

Deno.test("a failure during the stream is reported as failed and as an error", async () => {
  const error = new ShimmyError("backend", "Generation failed");
  const events = await stream({ input: "Hello" }, { script: { tokens: ["Hel"], error } });
  assertEquals(types(events).slice(-2), ["response.failed", "error"]);
  assertEquals(events.at(-2).response.error.message, "Generation failed");
  assertEquals(events.at(-1).error.message, "Generation failed");
});

Deno.test("a previous response's conversation goes before the new input, its instructions do not", async () => {
  const server = serve();
  const post = async (body: unknown) => await (await server.request(PATH, body)).json();
  const first = await post({ input: "One", instructions: "Be kind." });
  await post({ input: "Two", previous_response_id: first.id });
  const [part] = server.engine.requests[1]!.prompt;
  const text = part !== undefined && "text" in part ? part.text : "";
  assertEquals(text.includes("Be kind."), false);
  assertMatch(text, /user\nOne<.*assistant\nHello world<.*user\nTwo</s);
});

Deno.test("a response that was not stored cannot be continued", async () => {
  const server = serve();
  const post = (body: unknown) => server.request(PATH, body);
  const { id, store } = await (await post({ input: "One", store: false })).json();
  assertEquals(store, false);
  const response = await post({ input: "Two", previous_response_id: id });
  assertEquals(response.status, 400);
  assertEquals((await response.json()).error.param, "previous_response_id");
});

Deno.test("references stand for items that were stored", async () => {
  const server = serve();
  const post = async (body: unknown) => await (await server.request(PATH, body)).json();
  const first = await post({ input: "One" });
  const reference = { type: "item_reference", id: first.output[0].id };
  await post({ input: [reference, { role: "user", content: "Two" }] });
  const [part] = server.engine.requests[1]!.prompt;
  assertMatch(part !== undefined && "text" in part ? part.text : "", /assistant\nHello world</);
  const unknown = await post({ input: [{ type: "item_reference", id: "msg_none" }] });
  assertEquals(unknown.error.message, "input: Item 'msg_none' not found");
});

Deno.test("reasoning that a client keeps comes back to the model", async () => {
  const server = serve({ script: says("<think>", "Grüße", "</think>", "Hi.") });
  const post = async (body: unknown) => await (await server.request(PATH, body)).json();
  const include = ["reasoning.encrypted_content"];
  const first = await post({ input: "One", store: false, include });
  const [reasoning] = first.output;
  const carried = { ...reasoning, content: [] };
  const second = await post({
    input: [carried, first.output[1], { role: "user", content: "Two" }],
  });
  assertEquals(second.status, "completed");
  const forged = await post({
    input: [{ type: "reasoning", summary: [], encrypted_content: "%" }],
  });
  assertEquals(
    forged.error.message,
    "input: encrypted_content must be from a response of this server",
  );
});

Deno.test("log probabilities are there when they are included", async () => {
  const { request } = serve();
  const include = ["message.output_text.logprobs"];
  const answer = await (await request(PATH, { input: "Hi", include, top_logprobs: 1 })).json();
  const { logprobs } = answer.output[0].content[0];
  assertEquals(logprobs.length, 2);
  assertEquals(logprobs[0].token, "Hello");
  assertEquals(logprobs[0].top_logprobs.length, 1);
});

for (
  const [field, value] of [
    ["background", true],
    ["conversation", "conv_1"],
    ["prompt", { id: "p" }],
    ["context_management", []],
    ["moderation", { model: "m" }],
    ["include", ["everything"]],
    ["tool_choice", { type: "web_search" }],
    ["input", [{ role: "user", content: [{ type: "input_image", image_url: "data:," }] }]],
    ["max_tokens", 5],
  ] as const
) {
  Deno.test(`${field} of ${JSON.stringify(value).slice(0, 50)} is refused by name`, async () => {
    const response = await serve().request(PATH, { input: "Hi", [field]: value });
    assertEquals(response.status, 400);
    const { error } = await response.json();
    assertEquals(error.param.split(/[.[]/)[0], field);
  });
}

Deno.test("notices are a part of the response that has ended", async () => {
  const options = { script: { tokens: ["a"], notices: [{ message: "session: gone" }] } };
  const answer = await (await serve(options).request(PATH, { input: "Hi" })).json();
  assertEquals(answer.notices, ["session: gone"]);
  const events = await stream({ input: "Hi" }, options);
  assertEquals(events.at(-1).response.notices, ["session: gone"]);
  assertEquals(events[0].response.notices, undefined);
});

Deno.test("streams report progress and timings as llama-server does", async () => {
  const fields = { return_progress: true, timings_per_token: true, id_slot: 3 };
  const { request, engine } = serve();
  const response = await request(PATH, { input: "Hello", stream: true, ...fields });
  assertEquals(response.headers.get("x-shimmy-ignored"), null);
  const events: Json[] = (await readEvents(response)).map(({ data }) => JSON.parse(data));
  assertEquals(events.map(({ sequence_number }) => sequence_number), [...events.keys()]);
  const { slot, reportsProgress, reportsTimings } = engine.requests[0]!;
  assertEquals([slot, reportsProgress, reportsTimings], [3, true, true]);
  const progress = events.filter((event) => event.prompt_progress !== undefined);
  assertEquals(types(progress), ["response.in_progress", "response.in_progress"]);
  const { prompt_progress: last } = progress.at(-1);
  assertEquals([last.processed, last.cache], [last.total, 0]);
  const timed = events.filter((event) => event.timings !== undefined);
  assertEquals(timed.map(({ type, timings }) => [type, timings.predicted_n]), [
    ["response.in_progress", 0],
    ["response.in_progress", 0],
    ["response.output_text.delta", 1],
    ["response.output_text.delta", 2],
    ["response.completed", 2],
  ]);
});

Deno.test("the last event of a stream has timings, other events only on request", async () => {
  const events = await stream({ input: "Hello" });
  const timed = events.filter((event) => "timings" in event || "prompt_progress" in event);
  assertEquals(types(timed), ["response.completed"]);
});
