/** Requests of coding agents: namespaces, custom tools, the local shell, tool search, unknown types. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { EngineDoubleOptions, Script } from "../../../../../tests/doubles/engine.ts";
import { readEvents, serverDouble } from "../../../../../tests/doubles/server.ts";
import { openaiRoutes } from "../mod.ts";

const PATH = "/v1/responses";
const serve = (options?: EngineDoubleOptions) =>
  serverDouble({ routes: openaiRoutes, ...(options === undefined ? {} : { engine: options }) });

// deno-lint-ignore no-explicit-any
type Json = any;

const calls = (name: string, args: unknown): Script => ({
  tokens: [
    `<tool_call>\n{"name": "${name}", "arguments": `,
    ...JSON.stringify(args).match(/.{1,5}/gs)!,
    "}\n</tool_call>",
  ],
});

const SPAWN = { type: "function", name: "spawn", parameters: { type: "object" } };
const AGENTS = {
  type: "namespace",
  name: "agents",
  description: "Manages agents.",
  tools: [SPAWN, { type: "function", name: "stop", parameters: { type: "object" } }],
};
const PATCH = { type: "custom", name: "patch", description: "Patches files." };

async function ask(body: Json, options?: EngineDoubleOptions) {
  const server = serve(options);
  const response = await server.request(PATH, body);
  const answer: Json = await response.json();
  assertEquals(response.status, 200, JSON.stringify(answer));
  return { answer, prompt: promptOf(server.engine.requests[0]) };
}

function promptOf(request: Json): string {
  return request.prompt.map(({ text }: { text: string }) => text).join("");
}

Deno.test("a tool of a namespace is offered, called and sent back by both names", async () => {
  const body = { input: "Go.", tools: [AGENTS] };
  const { answer, prompt } = await ask(body, { script: calls("agents__spawn", { n: 1 }) });
  assertStringIncludes(prompt, "agents__spawn");
  assertStringIncludes(prompt, "agents__stop");
  assertEquals(prompt.split("Manages agents.").length, 2);
  const [call] = answer.output;
  assertEquals([call.type, call.namespace, call.name], ["function_call", "agents", "spawn"]);
  assertEquals(JSON.parse(call.arguments), { n: 1 });
  assertEquals(answer.tools, [AGENTS]);
  const output = { type: "function_call_output", call_id: call.call_id, output: "started" };
  const next = await ask({ ...body, input: [{ role: "user", content: "Go." }, call, output] });
  assertMatch(next.prompt, /<tool_call>[^<]*"name": "agents__spawn"/);
  assertStringIncludes(next.prompt, "started");
});

Deno.test("a custom tool streams its input as text", async () => {
  const input = '*** Begin\n+a "b"\n';
  const { request } = serve({ script: calls("patch", { input }) });
  const response = await request(PATH, { input: "Go.", tools: [PATCH], stream: true });
  const events = (await readEvents(response)).map(({ data }) => JSON.parse(data) as Json);
  const deltas = events.filter(({ type }) => type === "response.custom_tool_call_input.delta");
  assert(deltas.length > 1);
  assertEquals(deltas.map(({ delta }) => delta).join(""), input);
  const done = events.find(({ type }) => type === "response.custom_tool_call_input.done");
  assertEquals(done.input, input);
  const [item] = events.at(-1).response.output;
  assertMatch(item.id, /^ctc_/);
  assertEquals([item.type, item.name, item.input], ["custom_tool_call", "patch", input]);
});

Deno.test("the grammar of a custom tool constrains its calls", async () => {
  const format = (definition: string) => ({
    ...PATCH,
    format: { type: "grammar", syntax: "lark", definition },
  });
  const grammarFor = async (tool: Json) => {
    const server = serve();
    const body = { input: "Go.", tools: [tool], tool_choice: { type: "custom", name: "patch" } };
    const answer: Json = await (await server.request(PATH, body)).json();
    return { source: (server.engine.requests[0] as Json).grammar.source as string, answer };
  };
  const bounded = await grammarFor(format('start: "yes" | "no"'));
  assertEquals(bounded.answer.notices, undefined);
  const free = await grammarFor(format('start: "a" start?'));
  assertEquals(free.answer.notices, [
    "The grammar of the tool 'patch' does not apply: the rule 'start' is recursive",
  ]);
  const { source } = await grammarFor({
    ...PATCH,
    format: { type: "grammar", syntax: "regex", definition: "yes|no" },
  });
  assertEquals(source, bounded.source);
  assert(source !== free.source);
});

Deno.test("the local shell is a function for the model and an action for the client", async () => {
  const body = { input: "Go.", tools: [{ type: "local_shell" }] };
  const script = calls("local_shell", { command: ["ls", "-l"], timeout_ms: 1000 });
  const { answer } = await ask(body, { script });
  const [call] = answer.output;
  assertEquals(call.type, "local_shell_call");
  assertEquals(call.action, { type: "exec", command: ["ls", "-l"], env: {}, timeout_ms: 1000 });
  const output = { type: "local_shell_call_output", id: call.call_id, output: "total 0" };
  const { prompt } = await ask({
    ...body,
    input: [{ role: "user", content: "Go." }, call, output],
  });
  assertStringIncludes(prompt, '"command": ["ls", "-l"]');
  assertStringIncludes(prompt, "total 0");
});

Deno.test("deferred tools are offered once a search of the client has found them", async () => {
  const tools = [
    { type: "tool_search", execution: "client", description: "Finds tools." },
    { ...SPAWN, name: "hidden", defer_loading: true },
  ];
  const first = await ask({ input: "Go.", tools }, {
    script: calls("tool_search", { query: "x" }),
  });
  assertStringIncludes(first.prompt, "Finds tools.");
  assertEquals(first.prompt.includes("hidden"), false);
  const [call] = first.answer.output;
  assertEquals([call.type, call.execution, call.arguments], ["tool_search_call", "client", {
    query: "x",
  }]);
  const found = {
    type: "tool_search_output",
    call_id: call.call_id,
    execution: "client",
    status: "completed",
    tools: [tools[1], AGENTS],
  };
  const input = [{ role: "user", content: "Go." }, call, found];
  const next = await ask({ input, tools }, { script: calls("agents__stop", {}) });
  assert(next.prompt.startsWith(first.prompt));
  for (const name of ["hidden", "agents__spawn", "agents__stop"]) {
    assertStringIncludes(next.prompt.slice(first.prompt.length), `"name":"${name}"`);
  }
  assertEquals(next.answer.output[0].namespace, "agents");
  const without = await ask({ input: "Go.", tools: [tools[1]] });
  assertStringIncludes(without.prompt, '"name": "hidden"');
  assertEquals(without.answer.notices?.length ?? 0, 0);
});

Deno.test("tools and items of other types are left out with a notice", async () => {
  const { answer, prompt } = await ask({
    input: [
      { type: "web_search_call", id: "ws_1", status: "completed", action: { query: "zebra" } },
      { role: "user", content: "Go." },
    ],
    tools: [{ type: "web_search", external_web_access: false }, SPAWN],
  });
  assertEquals(prompt.includes("zebra") || prompt.includes("web_search"), false);
  assertEquals(answer.notices, [
    "Tools of type 'web_search' cannot be offered here; left out",
    "Items of type 'web_search_call' are not known here; left out of the prompt",
  ]);
  assertEquals(answer.tools[0], { type: "web_search", external_web_access: false });
  const strict = await serve().request(PATH, { input: "Go.", tools: [{ type: "web_search" }] }, {
    headers: { "x-shimmy-strict": "1" },
  });
  assertEquals(strict.status, 400);
});

Deno.test("unknown fields of tools and items are ignored", async () => {
  const { request } = serve();
  const response = await request(PATH, {
    input: [{ role: "user", content: "Go.", new_item_field: 1 }],
    tools: [{ ...SPAWN, new_tool_field: 1 }, { ...AGENTS, tools: [{ ...SPAWN, deep: 1 }] }],
  });
  assertEquals(response.status, 200);
  assertEquals(
    response.headers.get("x-shimmy-ignored"),
    "input[].new_item_field, tools[].new_tool_field, tools[].tools[].deep",
  );
  await response.body?.cancel();
});

Deno.test("a choice of a tool that is not offered is refused", async () => {
  const tools = [{ type: "web_search" }, SPAWN];
  for (
    const [choice, message] of [
      [{ type: "web_search" }, "there is no tool of type web_search"],
      [{ type: "custom", name: "spawn" }, "there is no tool 'spawn' of type custom"],
    ] as const
  ) {
    const response = await serve().request(PATH, { input: "Go.", tools, tool_choice: choice });
    assertEquals(response.status, 400);
    assertEquals((await response.json()).error.message, `tool_choice: ${message}`);
  }
});

Deno.test("errors inside of known tools and items name the field", async () => {
  for (
    const [body, message] of [
      [{ tools: [{ ...SPAWN, name: "" }] }, "tools[0].name: must be 1 to 128"],
      [
        { tools: [{ ...AGENTS, tools: [{ type: "x" }] }] },
        "tools[0].tools[0].type: must be function",
      ],
      [
        { input: [{ type: "function_call", call_id: "c", name: 1 }] },
        "input[0].name: must be text",
      ],
    ] as const
  ) {
    const response = await serve().request(PATH, { input: "Go.", ...body });
    assertEquals(response.status, 400);
    assertStringIncludes((await response.json()).error.message, message);
  }
});
