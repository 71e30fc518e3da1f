import type { Message, Tool, ToolCall } from "../../../../chat/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { textWithImages } from "../../../schemas/mod.ts";
import type { ChatBody } from "../request/schema.ts";

type MessageParam = NonNullable<ChatBody["messages"]>[number];
type ToolParam = NonNullable<ChatBody["tools"]>[number];

/**
 * The messages for the chat template. Tool calls need no ids: a tool message belongs to the first open
 * call of its name, or to the first open call.
 * @throws {ShimmyError} `invalid` when a tool message has no preceding call.
 */
export function toMessages(params: readonly MessageParam[]): Message[] {
  const open: ToolCall[] = [];
  let calls = 0;
  return params.map((param, index) => {
    const content = textWithImages(param.content ?? "", param.images, `messages[${index}].images`);
    if (param.role === "tool") {
      const call = takeAnswered(open, param);
      if (call === undefined) {
        const field = `messages[${index}]`;
        throw new ShimmyError("invalid", `${field}: must follow the tool call that it answers`, {
          field,
        });
      }
      return { role: "tool", ...content, name: param.tool_name ?? call.name, toolCallId: call.id };
    }
    if (param.role !== "assistant") return { role: param.role, ...content };
    const toolCalls = (param.tool_calls ?? []).map((call) => ({
      id: call.id || `call_${calls++}`,
      name: call.function.name,
      arguments: JSON.stringify(call.function.arguments ?? {}),
    }));
    open.push(...toolCalls);
    return {
      role: "assistant",
      ...content,
      ...(param.thinking ? { reasoning: param.thinking } : {}),
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
    };
  });
}

/** Removes the call that a tool message answers from the open calls. */
function takeAnswered(open: ToolCall[], param: MessageParam): ToolCall | undefined {
  const { tool_call_id: id, tool_name: name } = param;
  let at = id ? open.findIndex((call) => call.id === id) : -1;
  if (at < 0 && name) at = open.findIndex((call) => call.name === name);
  if (at < 0 && !id && !name) at = 0;
  return at < 0 ? undefined : open.splice(at, 1)[0];
}

/**
 * The tools of a request.
 * @throws {ShimmyError} `invalid` when a name is not unique.
 */
export function toTools(params: readonly ToolParam[]): Tool[] {
  const tools: Tool[] = [];
  for (const [index, param] of params.entries()) {
    const { name, description, parameters, strict } = param.function;
    if (tools.some((tool) => tool.name === name)) {
      throw new ShimmyError("invalid", `tools: '${name}' is not unique`, { field: "tools" });
    }
    tools.push({
      name,
      ...(description ? { description } : {}),
      parameters: parameters ?? { type: "object", properties: {} },
      ...(strict ? { strict } : {}),
      field: `tools[${index}].function.parameters`,
    });
  }
  return tools;
}
