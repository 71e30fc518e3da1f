import type { Message, Tool, ToolCall } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { ChatBody } from "../request/schema.ts";

type MessageParam = NonNullable<ChatBody["messages"]>[number];
type ToolParam = NonNullable<ChatBody["tools"]>[number];

/**
 * A conversation in the words the chat templates know. Ollama's calls need no ids: a tool's message
 * answers the first call of its name that is still open, or else the first open one.
 * @throws {ShimmyError} `invalid` when a tool's message answers no call before it.
 */
export function toMessages(params: readonly MessageParam[]): Message[] {
  const open: ToolCall[] = [];
  let calls = 0;
  return params.map((param, index) => {
    const content = param.content ?? "";
    if (param.role === "tool") {
      const call = takeAnswered(open, param);
      if (call === undefined) {
        const field = `messages[${index}]`;
        throw new ShimmyError("invalid", `${field}: answers no tool call before it`, { field });
      }
      return { role: "tool", content, name: param.tool_name ?? call.name, toolCallId: call.id };
    }
    if (param.role !== "assistant") return { role: param.role, content };
    const toolCalls = (param.tool_calls ?? []).map((call) => ({
      id: call.id || `call_${calls++}`,
      name: call.function.name,
      arguments: JSON.stringify(call.function.arguments),
    }));
    open.push(...toolCalls);
    return {
      role: "assistant",
      content,
      ...(param.thinking ? { reasoning: param.thinking } : {}),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
    };
  });
}

/** The call a tool's message answers, taken from those that are open. */
function takeAnswered(open: ToolCall[], param: MessageParam): ToolCall | undefined {
  const { tool_call_id: id, tool_name: name } = param;
  let at = id ? open.findIndex((call) => call.id === id) : -1;
  if (at < 0 && name) at = open.findIndex((call) => call.name === name);
  if (at < 0 && !id && !name) at = 0;
  return at < 0 ? undefined : open.splice(at, 1)[0];
}

/**
 * The tools of a request.
 * @throws {ShimmyError} `invalid` when two share a name.
 */
export function toTools(params: readonly ToolParam[]): Tool[] {
  const tools: Tool[] = [];
  for (const { function: { name, description, parameters } } of params) {
    if (tools.some((tool) => tool.name === name)) {
      throw new ShimmyError("invalid", `tools: '${name}' is there twice`, { field: "tools" });
    }
    tools.push({
      name,
      ...(description ? { description } : {}),
      parameters: parameters ?? { type: "object", properties: {} },
    });
  }
  return tools;
}
