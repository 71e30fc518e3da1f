import type { TemplateMessage } from "./messages.ts";

/** How the messages of some models differ from OpenAI's. */
interface Adaptation {
  readonly applies: (template: string) => boolean;
  readonly adapt: (messages: readonly TemplateMessage[]) => TemplateMessage[];
}

const ADAPTATIONS: readonly Adaptation[] = [
  {
    // GPT-OSS and LFM2 call the reasoning `thinking`.
    applies: (template) => /message(\.thinking|\[["']thinking["']\])/.test(template),
    adapt: (messages) => messages.map(withThinking),
  },
  {
    // Ministral 3 has reasoning as a part of the content.
    applies: (template) =>
      template.includes("[SYSTEM_PROMPT]") && template.includes("[ARGS]") &&
      template.includes("[THINK]"),
    adapt: (messages) => messages.map(withThinkingPart),
  },
  {
    // The first templates of Gemma 4 want a turn's results inside the message with its calls.
    applies: (template) =>
      template.includes("'<|tool_call>call:'") && template.includes("tool_responses") &&
      !template.includes("OpenAI Chat Completions:"),
    adapt: gatherResults,
  },
];

/** The messages in the shape that a model's template has for what OpenAI's API writes otherwise. */
export function adaptMessages(
  messages: readonly TemplateMessage[],
  template: string,
): TemplateMessage[] {
  return ADAPTATIONS.filter(({ applies }) => applies(template))
    .reduce((adapted, { adapt }) => adapt(adapted), [...messages]);
}

function withThinking(message: TemplateMessage): TemplateMessage {
  if (message.reasoning_content === undefined) return message;
  return { ...message, thinking: message.reasoning_content };
}

function withThinkingPart(message: TemplateMessage): TemplateMessage {
  const { reasoning_content, ...rest } = message;
  if (message.role !== "assistant" || reasoning_content === undefined) return message;
  const text = typeof message.content === "string"
    ? [{ type: "text", text: message.content }]
    : message.content;
  return { ...rest, content: [{ type: "thinking", thinking: reasoning_content }, ...text] };
}

function gatherResults(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const gathered: TemplateMessage[] = [];
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
      gathered.push(turn ?? message);
    }
  }
  return gathered;
}

function parsed(content: TemplateMessage["content"]): unknown {
  if (typeof content !== "string") return content;
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}
