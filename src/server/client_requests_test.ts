import { assertEquals } from "@std/assert";
import { serverDouble } from "../../tests/doubles/server.ts";

const MODEL = "double";

const text = (content: string) => ({
  type: "text",
  text: content,
  cache_control: { type: "ephemeral", ttl: "1h", scope: "global" },
});

const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"] };

interface ClientRequest {
  readonly client: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The fields that the response reports as ignored. */
  readonly ignored: readonly string[];
}

/** Requests with fields that the server does not know or that have no effect, as clients send them. */
const REQUESTS: readonly ClientRequest[] = [
  // Programs in Go write an absent object as null, and agents send a call back that was cut.
  ...[null, "", "null", '{"a": "', '"{\\"a\\": "'].flatMap((given): ClientRequest[] => [
    {
      client: `agents, chat with arguments ${given}`,
      path: "/v1/chat/completions",
      body: {
        model: MODEL,
        messages: [
          { role: "user", content: "Hello" },
          {
            role: "assistant",
            content: null,
            tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: given } }],
          },
          { role: "tool", tool_call_id: "1", content: "invalid arguments" },
        ],
      },
      ignored: [],
    },
    {
      client: `agents, responses with arguments ${given}`,
      path: "/v1/responses",
      body: {
        model: MODEL,
        input: [
          { role: "user", content: "Hello" },
          { type: "function_call", call_id: "1", name: "f", arguments: given },
          { type: "function_call_output", call_id: "1", output: "invalid arguments" },
        ],
      },
      ignored: [],
    },
  ]),
  {
    client: "agents, messages with null for the input of a call and the type of a schema",
    path: "/v1/messages",
    body: {
      model: MODEL,
      max_tokens: 8,
      tools: [{ name: "f", input_schema: { type: null, properties: null } }],
      messages: [
        { role: "user", content: "Hello" },
        { role: "assistant", content: [{ type: "tool_use", id: "1", name: "f", input: null }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "1", content: null }] },
      ],
    },
    ignored: [],
  },
  {
    client: "agents, Ollama with null for the arguments of a call and the type of a tool",
    path: "/api/chat",
    body: {
      model: MODEL,
      stream: false,
      tools: [{ type: null, function: { name: "f", parameters: null } }],
      messages: [
        { role: "user", content: "Hello" },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ function: { name: "f", arguments: null } }],
        },
        { role: "tool", content: "nothing", tool_name: "f" },
      ],
    },
    ignored: [],
  },
  {
    client: "guidellm, chat",
    path: "/v1/chat/completions",
    body: {
      model: MODEL,
      messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
      max_tokens: 8,
      max_completion_tokens: 8,
      stop: null,
      ignore_eos: true,
    },
    ignored: [],
  },
  {
    client: "guidellm, text",
    path: "/v1/completions",
    body: {
      model: MODEL,
      prompt: "Hello",
      stream: true,
      stream_options: { include_usage: true, continuous_usage_stats: true },
      max_tokens: 8,
      max_completion_tokens: 8,
      stop: null,
      ignore_eos: true,
    },
    ignored: ["max_completion_tokens"],
  },
  {
    client: "ollama-ai-provider-v2",
    path: "/api/chat",
    body: {
      model: MODEL,
      messages: [{ role: "user", content: "Hello" }],
      temperature: 0.5,
      top_p: 0.5,
      max_output_tokens: 8,
      think: false,
      tools: [{ type: "function", function: { name: "f", description: "F", parameters: schema } }],
      tool_choice: "auto",
      stream: true,
    },
    ignored: [],
  },
  {
    client: "Claude Code, quota",
    path: "/v1/messages",
    body: {
      model: MODEL,
      max_tokens: 1,
      messages: [{ role: "user", content: "quota" }],
      metadata: { user_id: "user_1", session_id: "session_1" },
    },
    ignored: ["metadata"],
  },
  {
    client: "Claude Code, title",
    path: "/v1/messages",
    body: {
      model: MODEL,
      max_tokens: 32_000,
      system: [text("Write a title.")],
      messages: [{ role: "user", content: [text("Hello")] }],
      tools: [],
      metadata: { user_id: "user_1" },
      temperature: 1,
      thinking: { type: "disabled" },
      output_config: { format: { type: "json_schema", schema, name: "title" } },
      stream: true,
    },
    ignored: [
      "messages[].content[].cache_control",
      "metadata",
      "output_config.format.name",
      "system[].cache_control",
    ],
  },
  {
    client: "Claude Code, first turn",
    path: "/v1/messages",
    body: {
      model: MODEL,
      max_tokens: 32_000,
      system: [text("You are an agent.")],
      messages: [{ role: "user", content: [text("Hello")] }],
      tools: [
        { name: "read", description: "Read", input_schema: schema, eager_input_streaming: true },
        { name: "search", input_schema: schema, defer_loading: true },
      ],
      metadata: { user_id: "user_1" },
      thinking: { type: "adaptive" },
      context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
      output_config: { effort: "medium" },
      diagnostics: { previous_message_id: null },
      stream: true,
    },
    ignored: [
      "context_management",
      "diagnostics",
      "messages[].content[].cache_control",
      "metadata",
      "system[].cache_control",
      "tools[].eager_input_streaming",
    ],
  },
  {
    client: "Codex",
    path: "/v1/responses",
    body: {
      model: MODEL,
      instructions: "You are an agent.",
      input: [{
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: "Hello", annotations: null }],
      }],
      tools: [{ type: "function", name: "f", parameters: schema, strict: false }],
      tool_choice: "auto",
      parallel_tool_calls: false,
      reasoning: { effort: "medium", summary: "auto" },
      store: false,
      stream: true,
      include: ["reasoning.encrypted_content"],
      prompt_cache_key: "key",
      service_tier: "priority",
      text: { verbosity: "low" },
      client_metadata: { installation: "x" },
    },
    ignored: ["client_metadata", "prompt_cache_key", "service_tier", "text.verbosity"],
  },
];

for (const { client, path, body, ignored } of REQUESTS) {
  Deno.test(`the request of ${client} is answered, and its ignored fields are reported`, async () => {
    const { engine, request } = serverDouble();
    const response = await request(path, body);
    const answer = await response.text();
    assertEquals([response.status, /"error":[^n]/.test(answer)], [200, false], answer);
    const reported = response.headers.get("x-shimmy-ignored")?.split(", ") ?? [];
    assertEquals(reported.toSorted(), ignored);
    assertEquals(engine.requests.length, 1);
  });
}
