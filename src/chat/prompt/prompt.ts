import type { ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { adaptMessages } from "./adapt.ts";
import { controlTokensOf } from "./control_tokens.ts";
import type { Input, Tool } from "../conversation/mod.ts";
import { templateDefaults } from "./template_defaults.ts";
import { type Family, familyOf } from "./families.ts";
import { detectFormat, type ToolFormat } from "../formats/mod.ts";
import { templateMessages } from "./messages.ts";
import { inParts, type TemplateMessage } from "./template_message.ts";
import { type ReasoningTags, reasoningTags } from "../stream/mod.ts";
import { loadTemplate, type Template } from "../jinja/mod.ts";
import { type ClientText, markClientText } from "./marking.ts";
import { toolVariables } from "./tool_variables.ts";
import { traitsOf } from "./traits.ts";
import { writeUnsupported } from "./unsupported.ts";

export type ChatInput = Extract<Input, { type: "chat" }>;

/** A conversation as a model reads it, and what is needed to read the model's answer. */
export interface RenderedChat {
  readonly parts: readonly PromptPart[];
  /** The tools that the prompt offers. */
  readonly tools: readonly Tool[];
  /** How the model writes tool calls. */
  readonly format: ToolFormat;
  readonly reasoning: ReasoningTags;
  /** The prompt ends inside the model's reasoning. */
  readonly opensReasoning: boolean;
  /** What the template wrote to begin the answer, where the format frames answers. */
  readonly generationPrompt: string;
  /** The model may begin to reason where the prompt has not begun it. */
  readonly mayReason: boolean;
  /** Texts that end the answer beside the vocabulary's own tokens. */
  readonly stops: readonly string[];
}

/**
 * A prompt as the engine takes it.
 *
 * Only what the model's template itself wrote may name control tokens; the same text in a message
 * stays text. The parts begin with the template's own text, with BOS in it where the template writes
 * one: the engine adds BOS only when the first token is not BOS already, so it is never doubled.
 *
 * @throws {ShimmyError} `invalid`, with the template's own words where it refuses the conversation.
 */
export async function renderPrompt(info: ModelInfo, input: Input): Promise<readonly PromptPart[]> {
  switch (input.type) {
    case "text":
      return [{ text: input.text, special: true }];
    case "tokens":
      return [{ tokens: input.tokens }];
    case "chat":
      return (await renderChat(info, input)).parts;
  }
}

/** The text of a prompt, control tokens spelled out. */
export async function renderText(
  info: ModelInfo,
  input: Exclude<Input, { type: "tokens" }>,
): Promise<string> {
  const parts = await renderPrompt(info, input);
  return parts.map((part) => "text" in part ? part.text : "").join("");
}

/** Renders a conversation with the template of the model or of the family it belongs to. */
export async function renderChat(info: ModelInfo, input: ChatInput): Promise<RenderedChat> {
  const tools = input.toolChoice.type === "none" ? [] : input.tools;
  const { source, family } = templateOf(info, tools.length > 0);
  const template = await loadTemplate(source);
  const format = detectFormat(source);
  const tags = format.reasoning ?? reasoningTags(source);
  const controls = controlTokensOf(info);
  const client = markClientText({ ...input, tools }, source, controls, tags);
  const { mark } = client;
  const messages = conversationOf(client, template, format);

  const render = (add_generation_prompt: boolean) =>
    template.render({
      ...templateDefaults(),
      enable_thinking: tags.usual,
      bos_token: info.bosText,
      eos_token: info.eosText,
      ...client.templateArguments,
      ...toolVariables(client.tools, source),
      messages: input.continueLast ? endOfLast(messages, mark) : messages,
      add_generation_prompt,
    });
  const text = input.continueLast ? cutAtEnd(render(false), mark) : render(true);
  return {
    parts: client.marked ? controls.split(text, mark) : [{ text, special: true }],
    tools,
    format,
    reasoning: tags,
    mayReason: reasonsUnasked(source, tags) && input.templateArguments["enable_thinking"] !== false,
    opensReasoning: text.trimEnd().endsWith(tags.open),
    generationPrompt: format.framesAnswer && !input.continueLast ? added(render(false), text) : "",
    stops: family?.stops ?? [],
  };
}

/** The messages as the template takes them. */
function conversationOf(
  { messages, tools }: ClientText,
  template: Template,
  format: ToolFormat,
): TemplateMessage[] {
  const { source } = template;
  const traits = traitsOf(template);
  const written = writeUnsupported(messages, tools, format, traits);
  const adapted = adaptMessages(templateMessages(written, source, traits), source, tools);
  return traits.contentParts ? inParts(adapted) : adapted;
}

/** A model whose reasoning can be switched off reasons where it is not. */
function reasonsUnasked(template: string, { close }: ReasoningTags): boolean {
  return template.includes(close) && /enable_thinking|thinking_mode/.test(template);
}

function templateOf(info: ModelInfo, tools: boolean): { source: string; family: Family | null } {
  const own = tools && info.toolTemplate !== null ? info.toolTemplate : info.chatTemplate;
  if (own !== null) return { source: own, family: null };
  const family = familyOf(info);
  return { source: family.template, family };
}

/** Puts the mark at the end of the last message, so that the render can be cut there. */
function endOfLast(messages: readonly TemplateMessage[], mark: string): TemplateMessage[] {
  const last = messages.at(-1);
  if (last?.role !== "assistant") {
    throw new ShimmyError("invalid", "messages: only a last message of the assistant can go on", {
      field: "messages",
    });
  }
  const { content } = last;
  const ended = typeof content === "string"
    ? content + mark
    : [...content, { type: "text", text: mark }];
  return [...messages.slice(0, -1), { ...last, content: ended }];
}

function cutAtEnd(text: string, mark: string): string {
  const end = text.lastIndexOf(mark);
  if (end >= 0) return text.slice(0, end);
  throw new ShimmyError("invalid", "messages: the model's template cannot continue a message", {
    field: "messages",
  });
}

/** What `longer` has after the part both begin with. */
function added(shorter: string, longer: string): string {
  let common = 0;
  while (common < shorter.length && shorter[common] === longer[common]) common++;
  return longer.slice(common);
}
