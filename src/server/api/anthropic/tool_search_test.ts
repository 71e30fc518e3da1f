/** Deferred tools, references to them, and the billing header of Claude Code. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { parse } from "../../validation/mod.ts";
import { serverDouble } from "../../../../tests/doubles/server.ts";
import { anthropicRoutes } from "./mod.ts";
import { toInput } from "./request.ts";
import { countBody } from "./schema.ts";

const tool = (name: string, more = {}) => ({
  name,
  description: `About ${name}.`,
  input_schema: { type: "object", properties: { [`of_${name}`]: { type: "string" } } },
  ...more,
});
const SEARCH = tool("ToolSearch");
const HIDDEN = tool("Hidden", { defer_loading: true });
const OTHER = tool("Other", { defer_loading: true });

const USER = { role: "user", content: "Go." };
const SEARCHED = {
  role: "assistant",
  content: [{ type: "tool_use", id: "t1", name: "ToolSearch", input: {} }],
};
const found = (...names: string[]) => ({
  role: "user",
  content: [{
    type: "tool_result",
    tool_use_id: "t1",
    content: names.map((tool_name) => ({ type: "tool_reference", tool_name })),
  }],
});

function inputOf(body: Record<string, unknown>) {
  const input = toInput(parse(countBody, { model: "double", messages: [USER], ...body }));
  if (input.type !== "chat") throw new Error("not a chat");
  return { ...input, names: input.tools.map(({ name }) => name) };
}

/** The prompt of a request, as the model reads it. */
async function promptOf(body: Record<string, unknown>): Promise<string> {
  const server = serverDouble({ routes: anthropicRoutes });
  const response = await server.request("/v1/messages", {
    model: "double",
    max_tokens: 8,
    messages: [USER],
    ...body,
  });
  assertEquals(response.status, 200, await response.text());
  return server.engine.requests[0]!.prompt.map((part) => "text" in part ? part.text : "").join("");
}

Deno.test("deferred tools are not in the prompt until a search refers to them", async () => {
  const tools = [SEARCH, HIDDEN, OTHER];
  const before = await promptOf({ tools });
  assertStringIncludes(before, "ToolSearch");
  assertEquals(before.includes("Hidden") || before.includes("Other"), false);
  const after = await promptOf({ tools, messages: [USER, SEARCHED, found("Hidden", "Unknown")] });
  assertStringIncludes(
    after,
    '<function>{"description": "About Hidden.",'.replaceAll('": "', '":"'),
  );
  assertEquals(after.includes("Other"), false);
});

Deno.test("a reference leaves the prefix of the prompt as it is", async () => {
  const tools = [SEARCH, HIDDEN];
  const before = await promptOf({ tools });
  const after = await promptOf({ tools, messages: [USER, SEARCHED, found("Hidden")] });
  assertEquals(after.startsWith(before), true);
});

Deno.test("the model may call a tool once it is found", () => {
  const tools = [SEARCH, HIDDEN, OTHER];
  assertEquals(inputOf({ tools }).names, ["ToolSearch"]);
  const messages = [USER, SEARCHED, found("Other")];
  assertEquals(inputOf({ tools, messages }).names, ["ToolSearch", "Other"]);
  assertEquals(inputOf({ tools, tool_choice: { type: "tool", name: "Hidden" } }).names, [
    "ToolSearch",
    "Hidden",
  ]);
});

Deno.test("a system message adds and removes tools", () => {
  const change = (type: string, changed: unknown) => ({
    role: "system",
    content: [{ type: "text", text: "Tools changed." }, { type, tool: changed }],
  });
  const reference = (name: string) => ({ type: "tool_reference", name });
  const added = inputOf({
    tools: [SEARCH, HIDDEN],
    messages: [USER, change("tool_addition", reference("Hidden"))],
  });
  assertEquals(added.names, ["ToolSearch", "Hidden"]);
  assertStringIncludes(added.messages.at(-1)!.content, "About Hidden.");
  const inline = inputOf({
    tools: [SEARCH],
    messages: [USER, change("tool_addition", tool("New"))],
  });
  assertEquals(inline.names, ["ToolSearch", "New"]);
  const removed = inputOf({
    tools: [SEARCH, HIDDEN],
    messages: [
      USER,
      change("tool_addition", reference("Hidden")),
      change("tool_removal", reference("Hidden")),
    ],
  });
  assertEquals(removed.names, ["ToolSearch"]);
  assertEquals(
    removed.messages.at(-1)!.content,
    "Tools changed.\nThe tool 'Hidden' is no longer available.",
  );
});

Deno.test("a search of the server is offered instead of the deferred tools", () => {
  const search = { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" };
  assertEquals(inputOf({ tools: [search, HIDDEN] }).names, ["tool_search_tool_regex"]);
});

Deno.test("a conversation with a search of a server continues", () => {
  const { messages } = inputOf({
    tools: [HIDDEN],
    messages: [USER, {
      role: "assistant",
      content: [
        { type: "text", text: "Let me see." },
        { type: "server_tool_use", id: "s1", name: "tool_search_tool_bm25", input: { query: "x" } },
        {
          type: "tool_search_tool_result",
          tool_use_id: "s1",
          content: {
            type: "tool_search_tool_search_result",
            tool_references: [{ type: "tool_reference", tool_name: "Hidden" }],
          },
        },
        { type: "tool_use", id: "t2", name: "Hidden", input: {} },
      ],
    }, { role: "user", content: [{ type: "tool_result", tool_use_id: "t2", content: "7" }] }],
  });
  assertEquals(messages.map(({ role }) => role), [
    "user",
    "assistant",
    "tool",
    "assistant",
    "tool",
  ]);
  assertStringIncludes(messages[2]!.content, "About Hidden.");
});

Deno.test("the billing header of a request is not in the prompt", async () => {
  const system = (cch: string) => [
    { type: "text", text: `x-anthropic-billing-header: cc_version=2.1; cch=${cch};` },
    { type: "text", text: "Be brief." },
  ];
  const prompt = await promptOf({ system: system("1") });
  assertEquals(prompt, await promptOf({ system: system("2") }));
  assertEquals(prompt, await promptOf({ system: "Be brief." }));
  const line = "x-anthropic-billing-header: cch=3;\nBe brief.";
  assertEquals(prompt, await promptOf({ system: line }));
});
