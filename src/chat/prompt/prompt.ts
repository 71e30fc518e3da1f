import type { ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { adaptMessages } from "./adapt_messages.ts";
import { controlTokensOf } from "./control_tokens.ts";
import { checkCallNesting, type Input, type Tool, withUsableSchema } from "../conversation/mod.ts";
import { templateDefaults } from "./template_defaults.ts";
import { type FallbackTemplate, fallbackTemplate } from "./fallback_templates.ts";
import { detectFormat, type ToolFormat } from "../formats/mod.ts";
import { templateMessages } from "./messages.ts";
import { inParts, type TemplateMessage } from "./template_message.ts";
import { type ReasoningTags, reasoningTags } from "../stream/mod.ts";
import { loadTemplate, type Template } from "../jinja/mod.ts";
import { type ClientText, escapeClientText } from "./escape_client_text.ts";
import { toolVariables } from "./tool_variables.ts";
import { templateCapabilities } from "./template_capabilities.ts";
import { writeToolsAsText } from "./tools_as_text.ts";

export type ChatInput = Extract<Input, { type: "chat" }>;

/** A rendered conversation, and what is needed to parse the answer. */
export interface RenderedChat {
  readonly parts: readonly PromptPart[];
  /** The tools that the prompt offers. */
  readonly tools: readonly Tool[];
  /** The model's tool call format. */
  readonly format: ToolFormat;
  readonly reasoning: ReasoningTags;
  /** The prompt ends inside the model's reasoning. */
  readonly opensReasoning: boolean;
  /** Text that the template wrote at the start of the answer, for formats that frame answers. */
  readonly generationPrompt: string;
  /** The model may start to reason by itself. */
  readonly mayReason: boolean;
  /** Stop texts in addition to the vocabulary's end tokens. */
  readonly stops: readonly string[];
}

/**
 * Renders a prompt for the engine.
 *
 * Only template text may contain control tokens; the same text in a message stays text. The
 * template may write BOS: the engine adds BOS only if the first token is not BOS already, so BOS is
 * never doubled.
 *
 * @throws {ShimmyError} `invalid` with the template's message if it refuses the conversation.
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

/** The text of a prompt, including control tokens. */
export async function renderText(
  info: ModelInfo,
  input: Exclude<Input, { type: "tokens" }>,
): Promise<string> {
  return textOfParts(await renderPrompt(info, input));
}

/** The text of the parts of a prompt. */
export function textOfParts(parts: readonly PromptPart[]): string {
  return parts.map((part) => "text" in part ? part.text : "").join("");
}

/** Renders a conversation with the model's template or a fallback template. */
export async function renderChat(info: ModelInfo, input: ChatInput): Promise<RenderedChat> {
  checkCallNesting(input.messages);
  const tools = (input.toolChoice.type === "none" ? [] : input.tools).map(withUsableSchema);
  const { source, fallback } = templateOf(info, tools.length > 0);
  const template = await loadTemplate(source);
  const format = detectFormat(source);
  const tags = format.reasoning ?? reasoningTags(source);
  const controls = controlTokensOf(info);
  const client = escapeClientText({ ...input, tools: listed(tools) }, source, controls, tags);
  const { mark } = client;
  const { prefix = [] } = input;
  const hasPrefix = prefix.length > 0;
  const messages = conversationOf(client, template, format);

  const render = (add_generation_prompt: boolean) =>
    template.render({
      ...templateDefaults(),
      enable_thinking: tags.isDefault,
      // With a prefix, the prompt does not begin here.
      bos_token: hasPrefix ? "" : info.bosText,
      eos_token: info.eosText,
      ...client.templateArguments,
      ...toolVariables(client.tools, source),
      messages: input.continueLast ? endOfLast(messages, mark) : messages,
      add_generation_prompt,
    });
  const text = input.continueLast
    ? cutAtEnd(render(false), mark)
    : render(input.addGenerationPrompt ?? true);
  return {
    parts: [
      ...(hasPrefix ? [{ tokens: prefix }] : []),
      ...(client.isEscaped ? controls.split(text, mark) : [{ text, special: true }]),
    ],
    tools,
    format,
    reasoning: tags,
    mayReason: reasonsUnasked(source, tags) && input.templateArguments["enable_thinking"] !== false,
    opensReasoning: text.trimEnd().endsWith(tags.open),
    generationPrompt: format.framesAnswer && !input.continueLast ? added(render(false), text) : "",
    stops: fallback?.stops ?? [],
  };
}

/** The tools that the template lists: all, when messages contain all definitions. */
function listed(tools: readonly Tool[]): readonly Tool[] {
  const some = tools.filter(({ isInMessages }) => !isInMessages);
  return some.length === 0 ? tools : some;
}

/** The messages in the form that the template expects. */
function conversationOf(
  { messages, tools }: ClientText,
  template: Template,
  format: ToolFormat,
): TemplateMessage[] {
  const { source } = template;
  const capabilities = templateCapabilities(template);
  const written = writeToolsAsText(messages, tools, format, capabilities);
  const adapted = adaptMessages(templateMessages(written, source, capabilities), source, tools);
  return capabilities.contentParts ? inParts(adapted) : adapted;
}

/** A model whose reasoning can be disabled reasons by default. */
function reasonsUnasked(template: string, { close }: ReasoningTags): boolean {
  return template.includes(close) && /enable_thinking|thinking_mode/.test(template);
}

/** The source of the model's template for conversations with or without tools; null if it has none. */
export function ownTemplate(info: ModelInfo, tools: boolean): string | null {
  return tools && info.toolTemplate !== null ? info.toolTemplate : info.chatTemplate;
}

function templateOf(
  info: ModelInfo,
  tools: boolean,
): { source: string; fallback: FallbackTemplate | null } {
  const own = ownTemplate(info, tools);
  if (own !== null) return { source: own, fallback: null };
  const fallback = fallbackTemplate(info);
  return { source: fallback.template, fallback };
}

/** Appends the mark to the last message, to cut the rendered text there. */
function endOfLast(messages: readonly TemplateMessage[], mark: string): TemplateMessage[] {
  const last = messages.at(-1);
  if (last?.role !== "assistant") {
    throw new ShimmyError("invalid", "messages: only a last assistant message can be continued", {
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

/** The part of `longer` after the common prefix. */
function added(shorter: string, longer: string): string {
  let common = 0;
  while (common < shorter.length && shorter[common] === longer[common]) common++;
  return longer.slice(common);
}
