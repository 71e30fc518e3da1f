/** Tool searches that the server runs within a response. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Script } from "../../../../../tests/doubles/engine.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";
import { openaiRoutes } from "../mod.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const tool = (name: string, description: string, more = {}) => ({
  type: "function",
  name,
  description,
  parameters: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
  ...more,
});
const OPEN = tool("open_door", "Opens a door.");
const MAIL = tool("send_mail", "Sends a letter.", { defer_loading: true });
const ORDERS = {
  type: "namespace",
  name: "crm",
  description: "Customers.",
  tools: [
    tool("list_orders", "Lists open orders.", { defer_loading: true }),
    tool("remove_customer", "Removes somebody.", { defer_loading: true }),
  ],
};
const TOOLS = [{ type: "tool_search" }, OPEN, MAIL, ORDERS];

const calls = (name: string, args: unknown): Script => ({
  tokens: [
    "<tool_call>\n",
    ...JSON.stringify({ name, arguments: args }).match(/.{1,12}/gs)!,
    "\n</tool_call>",
  ],
});
const search = (query: string) => calls("tool_search", { query });

/** A server whose model does one script for each request, and the last one again and again. */
function scripted(...scripts: Script[]) {
  let at = 0;
  const server = serverDouble({
    routes: openaiRoutes,
    engine: {
      info: { contextLength: 1 << 16 },
      script: () => scripts[Math.min(at++, scripts.length - 1)]!,
    },
  });
  const prompts = () =>
    server.engine.requests.map(({ prompt }) =>
      prompt.map((part) => "text" in part ? part.text : "").join("")
    );
  const ask = (body: Json) =>
    server.request("/v1/responses", { input: "Which orders are open?", tools: TOOLS, ...body });
  return { ask, prompts };
}

Deno.test("the server runs a search, and the model calls what it found", async () => {
  const { ask, prompts } = scripted(search("open orders"), calls("crm__list_orders", { id: "7" }));
  const response = await ask({});
  const answer: Json = await response.json();
  assertEquals(response.status, 200, JSON.stringify(answer));
  const [call, output, found] = answer.output;
  assertEquals([call.type, call.execution, call.call_id, call.arguments], [
    "tool_search_call",
    "server",
    null,
    { query: "open orders" },
  ]);
  assertEquals([output.type, output.execution, output.status], [
    "tool_search_output",
    "server",
    "completed",
  ]);
  // The namespace has only the tools that were found.
  assertEquals(
    output.tools.map(({ name, tools }: Json) => [name, tools.map((one: Json) => one.name)]),
    [["crm", ["list_orders"]]],
  );
  assertEquals([found.type, found.namespace, found.name], ["function_call", "crm", "list_orders"]);
  assertEquals([answer.status, answer.notices], ["completed", undefined]);
  const [first, second] = prompts() as [string, string];
  assertEquals(first.includes("list_orders") || first.includes("send_mail"), false);
  assert(second.startsWith(first));
  assertStringIncludes(second.slice(first.length), "Lists open orders.");
  assertEquals(second.includes("send_mail"), false);
});

Deno.test("a stored response goes on with the tools that its search found", async () => {
  const { ask, prompts } = scripted(search("letter"), { tokens: ["Found."] });
  const { id } = await (await ask({})).json();
  await (await ask({ previous_response_id: id, input: "Send it." })).json();
  assertStringIncludes(prompts().at(-1)!, "Sends a letter.");
});

Deno.test("a stream has the items of the search in order", async () => {
  const { ask } = scripted(search("letter"), { tokens: ["Found."] });
  const events = (await readEvents(await ask({ stream: true }))).map(({ data }) =>
    JSON.parse(data)
  );
  const added = events.filter(({ type }) => type === "response.output_item.added");
  assertEquals(added.map(({ output_index, item }) => [output_index, item.type]), [
    [0, "tool_search_call"],
    [1, "tool_search_output"],
    [2, "message"],
  ]);
  assertEquals(events.map(({ sequence_number }) => sequence_number), events.map((_, at) => at));
  assertEquals(events.at(-1).response.output.length, 3);
  const { timings, response } = events.at(-1);
  assertEquals(timings.predicted_n, response.usage.output_tokens);
});

Deno.test("searches without end are bounded", async () => {
  const { ask, prompts } = scripted(search("nothing"));
  const { output } = await (await ask({})).json();
  assertEquals(prompts().length, 6);
  assertEquals(output.at(-1).type, "function_call");
});

Deno.test("without deferred tools the server offers no search", async () => {
  const { ask, prompts } = scripted({ tokens: ["Hi."] });
  await (await ask({ tools: [{ type: "tool_search" }, OPEN] })).json();
  assertEquals(prompts()[0]!.includes("tool_search"), false);
});
