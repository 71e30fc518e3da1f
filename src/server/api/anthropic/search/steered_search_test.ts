/** Steering of messages in which the server searches tools, with an engine double. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Script } from "../../../../../tests/doubles/engine.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";

const REGEX = { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" };
const tool = (name: string, description: string) => ({
  name,
  description,
  input_schema: { type: "object", properties: {} },
  defer_loading: true,
});
const TOOLS = [REGEX, tool("get_weather", "Reports rain."), tool("send_mail", "Sends a letter.")];

/** The tokens of a search, after a text of two tokens. */
const search = (query: string) => [
  "Let ",
  "me see.",
  "<tool_call>\n",
  JSON.stringify({ name: REGEX.name, arguments: { query } }),
  "\n</tool_call>",
];
const SENTENCE = ["It ", "will ", "rain ", "in ", "Oslo."];

interface Options {
  /** Whether the model waits, before a token of the latest request, until the rest is read. */
  readonly holds?: (request: number, at: number) => boolean;
  readonly body?: Record<string, unknown>;
}

/** A streamed message of a model that says the tokens of a turn for each request. */
async function messages(
  turns: readonly (readonly string[])[],
  { holds = (request, at) => request > 1 && at >= 3, body = {} }: Options = {},
) {
  const gate = Promise.withResolvers<void>();
  let requests = 0;
  const server = serverDouble({
    engine: {
      info: { contextLength: 1 << 16 },
      script: (): Script => ({ tokens: turns[Math.min(requests++, turns.length - 1)]! }),
      beforeToken: (at) => holds(requests, at) ? gate.promise : undefined,
    },
  });
  const response = await server.request("/v1/messages", {
    model: "double",
    max_tokens: 500,
    stream: true,
    messages: [{ role: "user", content: "Will it rain in Oslo?" }],
    tools: TOOLS,
    ...body,
  });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  /** Reads the stream until it has a text. */
  const until = async (text: string) => {
    while (!seen.includes(text)) {
      const { value, done } = await reader.read();
      assert(!done, `The stream ended without ${text}: ${seen}`);
      seen += value;
    }
    return /"id":"(msg_\w+)"/.exec(seen)![1]!;
  };
  const rest = async () => {
    gate.resolve();
    for (let done = false; !done;) {
      const read = await reader.read();
      done = read.done;
      seen += read.value ?? "";
    }
    return (await readEvents(new Response(seen))).map(({ data }) => JSON.parse(data));
  };
  const control = async (id: string, change: Record<string, unknown>) => {
    const answer = await server.send("POST", `/api/generate/${id}/control`, change);
    return { status: answer.status, ...await answer.json() };
  };
  return { server, until, rest, control };
}

// deno-lint-ignore no-explicit-any
type Events = any[];

/** The content of a message as its events leave it: from the last rewind on. */
function contentOf(events: Events): { type: string; text?: string }[] {
  const at = events.findLastIndex(({ type }) => type === "rewind");
  const content = at < 0 ? [] : [...events[at].content];
  for (const { type, content_block, delta } of events.slice(at + 1)) {
    if (type === "content_block_start") content.push({ ...content_block });
    const last = content.at(-1);
    if (delta?.type === "text_delta") last.text += delta.text;
  }
  return content;
}

const texts = (events: Events) => contentOf(events).map(({ type, text }) => text ?? type);

const SEARCHED = ["server_tool_use", "tool_search_tool_result"];

Deno.test("a rewind within the part after a search keeps the search", async () => {
  const { until, rest, control } = await messages([search("weather"), SENTENCE]);
  const id = await until(" rain");
  // The first part has five tokens.
  const answer = await control(id, { rewind: 7, insert: "X" });
  assertEquals([answer.status, answer.tokens], [200, 8]);
  const events = await rest();
  assertEquals(texts(events), ["Let me see.", ...SEARCHED, "It will", " Xin Oslo."]);
  assertEquals(events.find(({ type }) => type === "rewind").index, 7);
  assertEquals(events.at(-2).usage.output_tokens, 10);
});

Deno.test("a rewind to before a search begins that part again, and searches again", async () => {
  const turns = [search("weather"), SENTENCE, search("letter"), ["Sent ", "it."]];
  const { server, until, rest, control } = await messages(turns);
  const id = await until(" rain");
  const answer = await control(id, { rewind: 1, temperature: 0.25 });
  assertEquals([answer.status, answer.tokens], [200, 1]);
  const events = await rest();
  assertEquals(texts(events), ["Let", " me see.", ...SEARCHED, "Sent it."]);
  assertEquals(events.at(-2).usage.output_tokens, 7);
  const [, , again, last] = server.engine.requests;
  assertEquals(again!.begun!.tokens.length, 1);
  const prompt = last!.prompt.map((part) => "text" in part ? part.text : "").join("");
  assertStringIncludes(prompt, "Sends a letter.");
  assert(!prompt.includes("Reports rain."), prompt);
  // The part that was dropped does not go on.
  assertEquals(server.engine.requests.length, 4);
  assertEquals(server.engine.finished.filter((reason) => reason === "cancelled").length, 1);
});

Deno.test("a control that is refused leaves all parts as they are", async () => {
  const { until, rest, control } = await messages([search("weather"), SENTENCE, SENTENCE]);
  const id = await until(" rain");
  const far = await control(id, { rewind: 99 });
  assertEquals([far.status, far.error], [400, "rewind: must be from 0 to 8, not 99"]);
  const { status, error } = await control(id, { rewind: 1, json_schema: { type: "nonsense" } });
  assertEquals(status, 400, error);
  const { status: forked } = await control(id, { fork: 1 });
  assertEquals(forked, 400);
  assertEquals(texts(await rest()), ["Let me see.", ...SEARCHED, "It will rain in Oslo."]);
});

Deno.test("the sampling that a control sets applies to later parts", async () => {
  const holds = (request: number, at: number) => request === 1 && at >= 2;
  const { server, until, rest, control } = await messages([search("weather"), SENTENCE], { holds });
  const id = await until("me see.");
  await control(id, { temperature: 0.25 });
  await rest();
  const sampling = { type: "sampling" as const, sampling: { temperature: 0.25 } };
  assertEquals(server.engine.controls, [sampling, sampling]);
});

Deno.test("later parts get one control for each phase, however many there were", async () => {
  const holds = (request: number, at: number) => request === 1 && at >= 2;
  const { server, until, rest, control } = await messages([search("weather"), SENTENCE], { holds });
  const id = await until("me see.");
  for (const top_k of [1, 2, 3]) await control(id, { top_k });
  await control(id, { temperature: 0.25, phase: "reasoning" });
  await rest();
  assertEquals(server.engine.controls.slice(4), [
    { type: "sampling", sampling: { topK: 3 } },
    { type: "sampling", sampling: { temperature: 0.25 }, phase: "reasoning" },
  ]);
});

Deno.test("a rewind to before a search leaves the sampling of the reasoning to the reasoning", async () => {
  const turns = [search("weather"), SENTENCE, search("letter"), ["Sent ", "it."]];
  const { server, until, rest, control } = await messages(turns);
  const id = await until(" rain");
  await control(id, { temperature: 0.25, phase: "reasoning" });
  await control(id, { top_k: 3, phase: "answer" });
  assertEquals((await control(id, { rewind: 1 })).status, 200);
  await rest();
  const { temperature, topK } = server.engine.requests[2]!.sampling;
  assertEquals([temperature === 0.25, topK], [false, 3]);
});

Deno.test("a stop ends the answer without the searches that it had asked for", async () => {
  const holds = (request: number, at: number) => request === 1 && at >= 4;
  const { server, until, rest, control } = await messages([search("weather"), SENTENCE], { holds });
  const id = await until("me see.");
  assertEquals((await control(id, { stop: true })).status, 200);
  const events = await rest();
  assertEquals(texts(events), ["Let me see."]);
  assertEquals(events.at(-2).delta.stop_reason, "end_turn");
  assertEquals(server.engine.requests.length, 1);
});

Deno.test("a detached answer with searches can be taken up again", async () => {
  const { server, until, rest } = await messages([search("weather"), SENTENCE], {
    body: { detach: true },
  });
  const id = await until(" rain");
  await rest();
  const resumed = await server.send("GET", `/api/generate/${id}/stream`);
  const events = (await readEvents(resumed)).map(({ data }) => JSON.parse(data));
  assertEquals(texts(events), ["Let me see.", ...SEARCHED, "It will rain in Oslo."]);
  assertMatch(events.at(-1).type, /message_stop/);
});
