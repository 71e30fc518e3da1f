import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../../errors.ts";
import { parse } from "../../validation/validate.ts";
import { countBody, messagesBody } from "./schema.ts";

const BODY = {
  model: "double",
  max_tokens: 16,
  messages: [{ role: "user", content: "Hello" }],
};

function refusal(fields: Record<string, unknown>): string {
  return assertThrows(() => parse(messagesBody, { ...BODY, ...fields }), ShimmyError).message;
}

Deno.test("fields without an effect are accepted", () => {
  const body = {
    ...BODY,
    cache_control: { type: "ephemeral", ttl: "1h" },
    metadata: { user_id: "someone" },
    service_tier: "auto",
    speed: "standard",
    container: null,
    mcp_servers: [],
    context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
    system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
    tools: [{
      type: "custom",
      name: "add",
      input_schema: { type: "object" },
      strict: true,
      allowed_callers: ["direct"],
      defer_loading: false,
      eager_input_streaming: true,
    }],
  };
  assertEquals<unknown>(parse(messagesBody, body), body);
});

const REFUSED: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ max_tokens: 0 }, "max_tokens: must be a whole number, 1 or more"],
  [{ messages: [] }, "messages: must have at least one message"],
  [{ container: "c" }, "container: is not supported: there are no containers"],
  [{ speed: "fast" }, 'speed: must be "standard": there is one speed'],
  [{ service_tier: "priority" }, "service_tier: must be auto or standard_only"],
  [{ mcp_servers: [{}] }, "mcp_servers: is not supported: list tools instead"],
  [
    { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } },
    "context_management.edits[0].type: is not supported: conversations are never shortened",
  ],
  [
    { inference_geo: "eu" },
    "inference_geo: is not supported: inference runs on this server",
  ],
  [{ thinking: { type: "between_tools" } }, "thinking.type: must be enabled, adaptive or disabled"],
  [{ temperature: "hot" }, "temperature: must be a number from 0 to 100"],
  [{ colour: "red" }, "colour: is not a known field"],
  [
    { tools: [{ type: "web_search_20250305", name: "web_search" }] },
    "tools[0].type: must be custom: tools defined or run by Anthropic are not supported",
  ],
  [
    { tools: [{ name: "a b", input_schema: { type: "object" } }] },
    "tools[0].name: must be 1 to 128 letters, digits, _ or -",
  ],
  [
    { messages: [{ role: "robot", content: "x" }] },
    "messages[0].role: must be user, assistant or system",
  ],
  [
    { messages: [{ role: "user", content: 5 }] },
    "messages[0].content: must be text or a list of content blocks",
  ],
];

for (const [fields, message] of REFUSED) {
  Deno.test(`refused: ${message}`, () => assertEquals(refusal(fields), message));
}

for (const type of ["document", "search_result", "container_upload"]) {
  Deno.test(`${type} blocks of a user are refused by name`, () => {
    assertEquals(
      refusal({ messages: [{ role: "user", content: [{ type, source: {} }] }] }),
      `messages[0].content[0].type: '${type}' blocks are not supported here: only text, image and tool_result`,
    );
  });
}

Deno.test("a document in a tool's result is refused by name", () => {
  const content = [{ type: "tool_result", tool_use_id: "a", content: [{ type: "document" }] }];
  assertEquals(
    refusal({ messages: [{ role: "user", content }] }),
    "messages[0].content[0].content[0].type: 'document' blocks are not supported here: " +
      "only text, image and tool_reference",
  );
});

Deno.test("an uploaded file as an image is refused by name", () => {
  const content = [{ type: "image", source: { type: "file", file_id: "x" } }];
  assertEquals(
    refusal({ messages: [{ role: "user", content }] }),
    "messages[0].content[0].source.type: must be base64 or url: there are no uploaded files",
  );
});

Deno.test("redacted thinking is refused by name", () => {
  const content = [{ type: "redacted_thinking", data: "x" }];
  assertEquals(
    refusal({ messages: [{ role: "assistant", content }] }),
    "messages[0].content[0].type: 'redacted_thinking' blocks are not supported here: " +
      "only text, thinking and tool_use",
  );
});

Deno.test("counting takes no sampling", () => {
  const { model, messages } = BODY;
  parse(countBody, { model, messages });
  const error = assertThrows(() => parse(countBody, BODY), ShimmyError);
  assertEquals(error.message, "max_tokens: is not a known field");
});
