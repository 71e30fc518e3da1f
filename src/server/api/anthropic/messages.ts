import {
  type ContentPart,
  joinContent,
  joinMessages,
  type Message,
  type Tool,
  type ToolCall,
  toolDefinitions,
} from "../../../chat/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { imageOfBase64, imageOfUrl } from "../../schemas/mod.ts";
import type {
  AssistantBlock,
  ImageBlock,
  MessageParam,
  ResultContent,
  SystemContent,
  TextBlock,
  UserBlock,
} from "./blocks.ts";

/** All tools of a request by name. */
type Tools = ReadonlyMap<string, Tool>;

/** The text of blocks, joined by newlines. The definitions of tools that they add are a part of it. */
export function paragraphs(
  content: Exclude<ResultContent, string> | SystemContent,
  tools: Tools,
): string {
  return contentOf(content, tools, "content").content;
}

/**
 * Text and images of blocks.
 * @param field where the blocks are in the request, for errors
 */
function contentOf(
  content: ResultContent | SystemContent,
  tools: Tools,
  field: string,
): Pick<Message, "content" | "media"> {
  if (typeof content === "string") return { content };
  const added: Tool[] = [];
  const texts: ContentPart[] = [];
  for (const [index, block] of content.entries()) {
    if (block.type === "text") texts.push(block.text);
    if (block.type === "image") texts.push(imageOf(block, `${field}[${index}]`));
    if (block.type === "tool_removal") {
      texts.push(`The tool '${block.tool.name}' is no longer available.`);
    }
    const name = addedName(block);
    const tool = name === null ? undefined : tools.get(name);
    if (tool !== undefined) added.push(tool);
  }
  return joinContent(
    [...texts, ...(added.length === 0 ? [] : [toolDefinitions(added)])],
    "\n",
  );
}

function imageOf({ source }: ImageBlock, field: string): ContentPart {
  return source.type === "url"
    ? imageOfUrl(source.url, `${field}.source.url`)
    : imageOfBase64(source.data, `${field}.source.data`);
}

function addedName(block: Exclude<ResultContent | SystemContent, string>[number]): string | null {
  if (block.type === "tool_reference") return block.tool_name;
  return block.type === "tool_addition" ? block.tool.name : null;
}

/** The start of a block with data for the billing of one request. */
const BILLING = /^x-anthropic-billing-header:/;

/** The system prompt without blocks that differ in each request: the prefix cache would not apply. */
function instructionsOf(system: string | readonly TextBlock[], tools: Tools): string {
  if (typeof system === "string") {
    return BILLING.test(system) ? system.replace(/^.*\n?/, "") : system;
  }
  return paragraphs(system.filter(({ text }) => !BILLING.test(text)), tools);
}

/**
 * The messages for the chat template: each `tool_result` becomes a message with the role tool, and the
 * other blocks of a turn become one message.
 * @throws {ShimmyError} `invalid` when a `tool_result` has no preceding `tool_use`.
 */
export function toMessages(
  system: string | readonly TextBlock[] | null | undefined,
  params: readonly MessageParam[],
  tools: Tools = new Map(),
): Message[] {
  const messages: Message[] = [];
  const instructions = instructionsOf(system ?? "", tools);
  if (instructions !== "") messages.push({ role: "system", content: instructions });
  const names = new Map<string, string>();
  params.forEach((param, index) => {
    switch (param.role) {
      case "system":
        messages.push({ role: "system", content: paragraphs(param.content, tools) });
        break;
      case "user":
        for (const message of userMessages(param.content, names, index, tools)) {
          append(messages, message);
        }
        break;
      case "assistant":
        for (const message of assistantMessages(param.content, tools)) {
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
    ...joinMessages(last, message, assistant ? "" : "\n"),
    ...(reasoning === "" ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function* userMessages(
  content: string | readonly UserBlock[],
  names: ReadonlyMap<string, string>,
  index: number,
  tools: Tools,
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
    const at = `messages[${index}].content[${position}]`;
    if (block.type === "image") {
      yield { role: "user", ...joinContent([imageOf(block, at)], "") };
      continue;
    }
    const name = names.get(block.tool_use_id);
    if (name === undefined) {
      const field = `${at}.tool_use_id`;
      throw new ShimmyError("invalid", `${field}: must be the id of a preceding tool_use`, {
        field,
      });
    }
    const result = contentOf(block.content ?? "", tools, `${at}.content`);
    yield {
      role: "tool",
      ...result,
      // Templates cannot mark a failed call, so the text contains the error.
      ...(block.is_error ? { content: `Error: ${result.content}` } : {}),
      name,
      toolCallId: block.tool_use_id,
    };
  }
}

/** The messages of an assistant's turn: one, unless a server searched for tools in it. */
function* assistantMessages(
  content: string | readonly AssistantBlock[],
  tools: Tools,
): Generator<Message> {
  if (typeof content === "string") {
    yield { role: "assistant", content };
    return;
  }
  let blocks: AssistantBlock[] = [];
  for (const block of content) {
    if (block.type !== "tool_search_tool_result") {
      blocks.push(block);
      continue;
    }
    yield assistantMessage(blocks);
    blocks = [];
    const { content: found } = block;
    yield {
      role: "tool",
      content: found.type === "tool_search_tool_search_result"
        ? paragraphs(found.tool_references, tools)
        : `Error: ${found.error_code}`,
      toolCallId: block.tool_use_id,
    };
  }
  if (blocks.length > 0 || content.length === 0) yield assistantMessage(blocks);
}

function assistantMessage(content: readonly AssistantBlock[]): Message {
  let text = "";
  let reasoning = "";
  const toolCalls: ToolCall[] = [];
  for (const block of content) {
    if (block.type === "text") text += block.text;
    else if (block.type === "thinking") reasoning += block.thinking;
    else if (block.type !== "tool_search_tool_result") {
      const { id, name, input } = block;
      toolCalls.push({ id, name, arguments: JSON.stringify(input ?? {}) });
    }
  }
  return {
    role: "assistant",
    content: text,
    ...(reasoning === "" ? {} : { reasoning }),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}
