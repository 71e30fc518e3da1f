import { type Message, type ToolCall, toolDefinitions } from "../../../../chat/mod.ts";
import { imageOfUrl, soundOfBase64 } from "../../../schemas/mod.ts";
import { joinParts } from "../shared/messages.ts";
import { toTool } from "../shared/tools.ts";
import { decodeReasoning } from "./reasoning.ts";
import type { ConversationItem } from "./items.ts";
import { flatName, LOCAL_SHELL, offerTools, type ResponseTool, TOOL_SEARCH } from "./tools/mod.ts";

type Parts = Extract<ConversationItem, { role: string }>["content"];

function joined(role: string, content: Parts): Pick<Message, "content" | "media"> {
  if (typeof content === "string") return { content };
  const parts = content.map((part) => {
    // Items of earlier responses come before those of the request, so the field has no index.
    if (part.type === "input_image") return imageOfUrl(part.image_url, "input");
    if (part.type === "input_audio") return soundOfBase64(part.input_audio.data, "input");
    return part.type === "refusal" ? part.refusal : part.text;
  });
  return joinParts(role, parts);
}

/** The text of a reasoning item: content, encrypted content or summary. */
function reasoningText(item: Extract<ConversationItem, { type: "reasoning" }>): string {
  const content = (item.content ?? []).map(({ text }) => text).join("");
  if (content !== "") return content;
  if (item.encrypted_content) return decodeReasoning(item.encrypted_content);
  return (item.summary ?? []).map(({ text }) => text).join("\n\n");
}

/** The result of a search as the model reads it. */
function foundTools(tools: readonly ResponseTool[]): string {
  const { functions } = offerTools([], tools);
  return functions.length === 0
    ? "No tools found"
    : toolDefinitions(functions.map((definition) => toTool(definition, "input")));
}

/** Notices about items of unknown types, one for each type. */
export function leftOutItems(items: readonly ConversationItem[]): string[] {
  const types = items.flatMap((item) => item.type === "other" ? [item.item.type] : []);
  return [...new Set(types)].map((type) =>
    `Items of type '${type.slice(0, 64)}' are not known here; left out of the prompt`
  );
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
  let searchId = "";
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
  const call = (id: string, name: string, argumentsJson: string) => {
    callNames.set(id, name);
    open(() => true).toolCalls.push({ id, name, arguments: argumentsJson });
  };
  const result = (
    id: string,
    content: Pick<Message, "content" | "media">,
    known?: string | null,
  ) => {
    close();
    const name = callNames.get(id) ?? known;
    messages.push({ role: "tool", ...content, ...(name ? { name } : {}), toolCallId: id });
  };
  for (const item of items) {
    switch (item.type) {
      case "reasoning":
        open((at) => at.content === null && at.reasoning === null && at.toolCalls.length === 0)
          .reasoning = reasoningText(item);
        break;
      case "function_call":
        call(item.call_id, flatName(item.name, item.namespace), item.arguments ?? "");
        break;
      case "custom_tool_call":
        call(
          item.call_id,
          flatName(item.name, item.namespace),
          JSON.stringify({ input: item.input }),
        );
        break;
      case "local_shell_call": {
        const { type: _, ...action } = item.action;
        call(item.call_id, LOCAL_SHELL, JSON.stringify(action));
        break;
      }
      case "tool_search_call":
        searchId = item.call_id ?? item.id ?? "";
        call(searchId, TOOL_SEARCH, JSON.stringify(item.arguments ?? {}));
        break;
      case "function_call_output":
      case "custom_tool_call_output":
        result(item.call_id, joined("tool", item.output), item.name);
        break;
      case "local_shell_call_output":
        result(item.call_id ?? item.id ?? "", { content: item.output });
        break;
      case "tool_search_output":
        // Items of a server's search have no id of the call: the result follows its call.
        result(item.call_id ?? searchId, { content: foundTools(item.tools) }, TOOL_SEARCH);
        break;
      case "other":
        break;
      default: {
        const content = joined(item.role, item.content);
        if (item.role === "assistant") {
          open((at) => at.content === null && at.toolCalls.length === 0).content = content.content;
        } else {
          close();
          messages.push({ role: item.role, ...content });
        }
      }
    }
  }
  close();
  return messages;
}
