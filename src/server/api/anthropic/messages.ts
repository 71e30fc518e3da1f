import type { Message, ToolCall } from "../../../chat/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import type { AssistantBlock, MessageParam, TextBlock, UserBlock } from "./blocks.ts";

/** The text of text blocks, joined by newlines. */
export function paragraphs(content: string | readonly TextBlock[]): string {
  return typeof content === "string" ? content : content.map(({ text }) => text).join("\n");
}

/**
 * The messages for the chat template: each `tool_result` becomes a message with the role tool, and the
 * other blocks of a turn become one message.
 * @throws {ShimmyError} `invalid` when a `tool_result` has no preceding `tool_use`.
 */
export function toMessages(
  system: string | readonly TextBlock[] | null | undefined,
  params: readonly MessageParam[],
): Message[] {
  const messages: Message[] = [];
  const instructions = paragraphs(system ?? "");
  if (instructions !== "") messages.push({ role: "system", content: instructions });
  const names = new Map<string, string>();
  params.forEach((param, index) => {
    switch (param.role) {
      case "system":
        messages.push({ role: "system", content: paragraphs(param.content) });
        break;
      case "user":
        for (const message of userMessages(param.content, names, index)) append(messages, message);
        break;
      case "assistant": {
        const message = assistantMessage(param.content);
        for (const { id, name } of message.toolCalls ?? []) names.set(id, name);
        append(messages, message);
      }
    }
  });
  return messages;
}

/** Merges consecutive turns of one role, as Anthropic does. */
function append(messages: Message[], message: Message): void {
  const last = messages.at(-1);
  if (last === undefined || last.role !== message.role || message.role === "tool") {
    messages.push(message);
    return;
  }
  const assistant = message.role === "assistant";
  const reasoning = `${last.reasoning ?? ""}${message.reasoning ?? ""}`;
  const toolCalls = [...last.toolCalls ?? [], ...message.toolCalls ?? []];
  messages[messages.length - 1] = {
    role: message.role,
    content: [last.content, message.content].join(assistant ? "" : "\n"),
    ...(reasoning === "" ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function* userMessages(
  content: string | readonly UserBlock[],
  names: ReadonlyMap<string, string>,
  index: number,
): Generator<Message> {
  if (typeof content === "string") {
    yield { role: "user", content };
    return;
  }
  for (const [position, block] of content.entries()) {
    if (block.type === "text") {
      yield { role: "user", content: block.text };
      continue;
    }
    const name = names.get(block.tool_use_id);
    if (name === undefined) {
      const field = `messages[${index}].content[${position}].tool_use_id`;
      throw new ShimmyError("invalid", `${field}: must be the id of a preceding tool_use`, {
        field,
      });
    }
    const result = paragraphs(block.content ?? "");
    yield {
      role: "tool",
      // Templates cannot mark a failed call, so the text contains the error.
      content: block.is_error ? `Error: ${result}` : result,
      name,
      toolCallId: block.tool_use_id,
    };
  }
}

function assistantMessage(content: string | readonly AssistantBlock[]): Message {
  if (typeof content === "string") return { role: "assistant", content };
  let text = "";
  let reasoning = "";
  const toolCalls: ToolCall[] = [];
  for (const block of content) {
    if (block.type === "text") text += block.text;
    else if (block.type === "thinking") reasoning += block.thinking;
    else {
      const { id, name, input } = block;
      toolCalls.push({ id, name, arguments: JSON.stringify(input) });
    }
  }
  return {
    role: "assistant",
    content: text,
    ...(reasoning === "" ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}
