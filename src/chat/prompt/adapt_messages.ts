import type { Tool } from "../conversation/mod.ts";
import type { TemplateMessage } from "./template_message.ts";
import { templateTools } from "./tool_variables.ts";

/** A difference between some models' messages and OpenAI's. */
interface Adaptation {
  readonly applies: (template: string) => boolean;
  readonly adapt: (
    messages: readonly TemplateMessage[],
    tools: readonly Tool[],
  ) => TemplateMessage[];
}

const ADAPTATIONS: readonly Adaptation[] = [
  {
    // GPT-OSS and LFM2 name the reasoning `thinking`.
    applies: (template) => /message(\.thinking|\[["']thinking["']\])/.test(template),
    adapt: (messages) => messages.map(withThinking),
  },
  {
    applies: (template) => /message(\.reasoning\b(?!_)|\[["']reasoning["']\])/.test(template),
    adapt: (messages) => messages.map(withReasoning),
  },
  {
    // GPT-OSS accepts either the reasoning or the text before a call.
    applies: (template) => template.includes("<|channel|>"),
    adapt: (messages) => messages.map(withoutContentBesideCalls),
  },
  {
    // Phi 4 expects the tools in the system message.
    applies: (template) => /["']tools["'] in message/.test(template),
    adapt: withToolsInSystem,
  },
  {
    // Ministral 3 has reasoning as a part of the content.
    applies: (template) =>
      template.includes("[SYSTEM_PROMPT]") && template.includes("[ARGS]") &&
      template.includes("[THINK]"),
    adapt: (messages) => messages.map(withThinkingPart),
  },
  {
    // The first templates of Gemma 4 expect tool results in the message with the calls.
    applies: (template) =>
      template.includes("'<|tool_call>call:'") && template.includes("tool_responses") &&
      !template.includes("OpenAI Chat Completions:"),
    adapt: groupToolResults,
  },
];

/** Converts messages to the variant of a model's template, where it differs from OpenAI's API. */
export function adaptMessages(
  messages: readonly TemplateMessage[],
  template: string,
  tools: readonly Tool[],
): TemplateMessage[] {
  return ADAPTATIONS.filter(({ applies }) => applies(template))
    .reduce((adapted, { adapt }) => adapt(adapted, tools), [...messages]);
}

function withThinking(message: TemplateMessage): TemplateMessage {
  if (message.reasoning_content === undefined) return message;
  return { ...message, thinking: message.reasoning_content };
}

function withReasoning(message: TemplateMessage): TemplateMessage {
  if (message.reasoning_content === undefined) return message;
  return { ...message, reasoning: message.reasoning_content };
}

function withoutContentBesideCalls(message: TemplateMessage): TemplateMessage {
  if (message.thinking === undefined || message.tool_calls === undefined) return message;
  return { ...message, content: "" };
}

function withToolsInSystem(
  messages: readonly TemplateMessage[],
  tools: readonly Tool[],
): TemplateMessage[] {
  if (tools.length === 0) return [...messages];
  const text = JSON.stringify(templateTools(tools).map((tool) => tool.function));
  const [first, ...rest] = messages;
  if (first?.role === "system") return [{ ...first, tools: text }, ...rest];
  return [{ role: "system", content: "", tools: text }, ...messages];
}

function withThinkingPart(message: TemplateMessage): TemplateMessage {
  const { reasoning_content, ...rest } = message;
  if (message.role !== "assistant" || reasoning_content === undefined) return message;
  const text = typeof message.content === "string"
    ? [{ type: "text", text: message.content }]
    : message.content;
  return { ...rest, content: [{ type: "thinking", thinking: reasoning_content }, ...text] };
}

function groupToolResults(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const grouped: TemplateMessage[] = [];
  let turn: TemplateMessage | null = null;
  for (const message of messages) {
    if (turn !== null && message.role === "tool") {
      const result = { name: message.name ?? "", response: parsed(message.content) };
      turn.tool_responses = [...turn.tool_responses ?? [], result];
    } else if (turn !== null && message.role === "assistant" && !message.tool_calls) {
      turn.content = message.content;
      turn = null;
    } else {
      turn = message.tool_calls === undefined ? null : { ...message };
      grouped.push(turn ?? message);
    }
  }
  return grouped;
}

function parsed(content: TemplateMessage["content"]): unknown {
  // An escape could hide a control token, which must stay text.
  if (typeof content !== "string" || /\\[u/]/i.test(content)) return content;
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}
