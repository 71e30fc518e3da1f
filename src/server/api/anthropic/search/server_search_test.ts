/** Tool searches that the server runs within an answer. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";
import { anthropicRoutes } from "../mod.ts";

const REGEX = { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" };
const BM25 = { type: "tool_search_tool_bm25_20251119", name: "tool_search_tool_bm25" };

const tool = (name: string, description: string, more = {}) => ({
  name,
  description,
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  ...more,
});
const OPEN = tool("open_door", "Opens a door.");
const WEATHER = tool("get_weather", "Reports rain and sun.", { defer_loading: true });
const MAIL = tool("send_mail", "Sends a letter.", { defer_loading: true });

/** What the model does next: calls a tool, or says a text. */
type Turn = readonly [tool: string, args: Record<string, unknown>] | string;

/** A server whose model does one turn for each request. */
function scripted(turns: readonly Turn[]) {
  let at = 0;
  const server = serverDouble({
    routes: anthropicRoutes,
    engine: {
      info: { contextLength: 1 << 16 },
      script() {
        const turn = turns[Math.min(at++, turns.length - 1)]!;
        if (typeof turn === "string") return { tokens: turn.match(/\S+\s*/g)! };
        const text = JSON.stringify({ name: turn[0], arguments: turn[1] });
        return { tokens: ["<tool_call>\n", ...text.match(/.{1,12}/gs)!, "\n</tool_call>"] };
      },
    },
  });
  const prompts = () =>
    server.engine.requests.map(({ prompt }) =>
      prompt.map((part) => "text" in part ? part.text : "").join("")
    );
  const ask = (body: Record<string, unknown> = {}) =>
    server.request("/v1/messages", {
      model: "double",
      max_tokens: 500,
      messages: [{ role: "user", content: "Will it rain in Oslo?" }],
      tools: [REGEX, OPEN, WEATHER, MAIL],
      ...body,
    });
  return { ask, prompts };
}

const search = (query: unknown): Turn => [REGEX.name, { query } as Record<string, unknown>];
const CALL: Turn = ["get_weather", { city: "Oslo" }];

/** The parts of blocks that do not differ from run to run. */
// deno-lint-ignore no-explicit-any
const shapes = (content: any[]) =>
  content.map(({ type, name, text, input, content }) => [
    type,
    name ?? text ?? content.tool_references?.map((one: { tool_name: string }) => one.tool_name) ??
      content.error_code,
    ...(input === undefined ? [] : [input]),
  ]);

Deno.test("the server runs a search, and the model calls the tool that it found", async () => {
  const { ask, prompts } = scripted([search("weather"), CALL]);
  const response = await ask();
  const message = await response.json();
  assertEquals(response.status, 200, JSON.stringify(message));
  assertEquals(shapes(message.content), [
    ["server_tool_use", "tool_search_tool_regex", { query: "weather" }],
    ["tool_search_tool_result", ["get_weather"]],
    ["tool_use", "get_weather", { city: "Oslo" }],
  ]);
  assertEquals(message.content[1].tool_use_id, message.content[0].id);
  assertEquals(message.stop_reason, "tool_use");
  const [first, second] = prompts() as [string, string];
  assertEquals(first.includes("get_weather") || first.includes("send_mail"), false);
  assertStringIncludes(first, '"name": "tool_search_tool_regex"');
  // The definition comes behind the conversation, so that the cached prefix stays.
  assert(second.startsWith(first));
  assertStringIncludes(second.slice(first.length), "Reports rain and sun.");
  assertEquals(second.includes("send_mail"), false);
  assert(message.usage.output_tokens > 10, "the tokens of both parts count");
});

Deno.test("a stream has the blocks of a search between the others", async () => {
  const { ask } = scripted([search("mail"), "Here it is."]);
  const events = (await readEvents(await ask({ stream: true }))).map(({ data }) =>
    JSON.parse(data)
  );
  const starts = events.filter(({ type }) => type === "content_block_start");
  assertEquals(starts.map(({ index, content_block }) => [index, content_block.type]), [
    [0, "server_tool_use"],
    [1, "tool_search_tool_result"],
    [2, "text"],
  ]);
  assertEquals(starts[0].content_block.input, {});
  const [delta] = events.filter(({ index, type }) => index === 0 && type === "content_block_delta");
  assertEquals(delta.delta, { type: "input_json_delta", partial_json: '{"query":"mail"}' });
  assertEquals(starts[1].content_block.content.tool_references, [
    { type: "tool_reference", tool_name: "send_mail" },
  ]);
  const stops = events.filter(({ type }) => type === "content_block_stop");
  assertEquals(stops.map(({ index }) => index), [0, 1, 2]);
  assertEquals(events.at(-2).delta.stop_reason, "end_turn");
});

Deno.test("bm25 finds tools by the words of their descriptions", async () => {
  const tools = [BM25, OPEN, MAIL, WEATHER];
  const { ask, prompts } = scripted([[BM25.name, { query: "is there rain?" }], CALL]);
  const message = await (await ask({ tools })).json();
  assertEquals(shapes(message.content)[1], ["tool_search_tool_result", ["get_weather"]]);
  assertStringIncludes(prompts()[1]!, "Reports rain and sun.");
});

Deno.test("a query that cannot be used is an error that the model reads", async () => {
  const { ask, prompts } = scripted([search("get("), "I cannot."]);
  const { content } = await (await ask()).json();
  assertEquals(shapes(content), [
    ["server_tool_use", "tool_search_tool_regex", { query: "get(" }],
    ["tool_search_tool_result", "invalid_tool_input"],
    ["text", "I cannot."],
  ]);
  assertStringIncludes(content[1].content.error_message, "not a regular expression");
  assertStringIncludes(prompts()[1]!, "Error: invalid_tool_input");
});

Deno.test("searches without end are bounded: the model goes on without the search", async () => {
  const { ask, prompts } = scripted([search("nothing")]);
  const { content, stop_reason } = await (await ask({ max_tokens: 5000 })).json();
  assertEquals(prompts().length, 6);
  const searches = content.filter(({ type }: { type: string }) => type === "server_tool_use");
  assertEquals(searches.length, 5);
  // The last call is one of a tool that is no longer offered, so the client receives it.
  assertEquals([content.at(-1).type, stop_reason], ["tool_use", "tool_use"]);
});

Deno.test("max_tokens counts the tokens of all parts", async () => {
  const { ask, prompts } = scripted([search("weather"), "one two three four five six seven eight"]);
  const first = await (await ask()).json();
  const searching = first.usage.output_tokens - 8;
  const cut = await (await ask({ max_tokens: searching + 3 })).json();
  assertEquals(prompts().length, 3);
  assertEquals(cut.stop_reason, "end_turn");
  const { ask: again } = scripted([search("weather"), "one two three four five six seven eight"]);
  const limited = await (await again({ max_tokens: searching + 3 })).json();
  assertEquals([limited.stop_reason, limited.content.at(-1).text], [
    "max_tokens",
    "one two three ",
  ]);
  assertEquals(limited.usage.output_tokens, searching + 3);
});

Deno.test("without deferred tools there is no search to offer", async () => {
  const { ask, prompts } = scripted(["Hello."]);
  await (await ask({ tools: [REGEX, OPEN] })).json();
  assertEquals(prompts()[0]!.includes("tool_search_tool_regex"), false);
});
