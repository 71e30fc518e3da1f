import type { Message, ToolCall } from "../../../../chat/mod.ts";
import { decodeReasoning } from "./reasoning.ts";
import type { ConversationItem } from "./items.ts";

type Parts = Extract<ConversationItem, { role: string }>["content"];

function joined(content: Parts): string {
  if (typeof content === "string") return content;
  return content.map((part) => part.type === "refusal" ? part.refusal : part.text).join("");
}

/** The text of a reasoning item: content, encrypted content or summary. */
function reasoningText(item: Extract<ConversationItem, { type: "reasoning" }>): string {
  const content = (item.content ?? []).map(({ text }) => text).join("");
  if (content !== "") return content;
  if (item.encrypted_content) return decodeReasoning(item.encrypted_content);
  return (item.summary ?? []).map(({ text }) => text).join("\n\n");
}

/** A message of the assistant under construction, from items of reasoning, text and calls. */
interface AssistantMessage {
  content: string | null;
  reasoning: string | null;
  readonly toolCalls: ToolCall[];
}

function toMessage({ content, reasoning, toolCalls }: AssistantMessage): Message {
  return {
    role: "assistant",
    content: content ?? "",
    ...(reasoning === null ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

/**
 * Converts items to messages: consecutive reasoning, text and function calls become one message of the
 * assistant, as chat templates require.
 */
export function toConversation(items: readonly ConversationItem[]): Message[] {
  const messages: Message[] = [];
  const callNames = new Map<string, string>();
  let turn: AssistantMessage | null = null;
  const close = () => {
    if (turn !== null) messages.push(toMessage(turn));
    turn = null;
  };
  /** The current message of the assistant, or a new one when `fits` is false. */
  const open = (fits: (turn: AssistantMessage) => boolean): AssistantMessage => {
    if (turn !== null && !fits(turn)) close();
    return turn ??= { content: null, reasoning: null, toolCalls: [] };
  };
  for (const item of items) {
    switch (item.type) {
      case "reasoning":
        open((at) => at.content === null && at.reasoning === null && at.toolCalls.length === 0)
          .reasoning = reasoningText(item);
        break;
      case "function_call":
        callNames.set(item.call_id, item.name);
        open(() => true).toolCalls.push({
          id: item.call_id,
          name: item.name,
          arguments: item.arguments,
        });
        break;
      case "function_call_output": {
        close();
        const name = item.name ?? callNames.get(item.call_id);
        messages.push({
          role: "tool",
          content: joined(item.output),
          ...(name === undefined ? {} : { name }),
          toolCallId: item.call_id,
        });
        break;
      }
      default:
        if (item.role === "assistant") {
          open((at) => at.content === null && at.toolCalls.length === 0).content = joined(
            item.content,
          );
        } else {
          close();
          messages.push({ role: item.role, content: joined(item.content) });
        }
    }
  }
  close();
  return messages;
}
