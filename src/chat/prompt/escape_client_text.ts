import { type ControlTokens, unusedCharacter } from "./control_tokens.ts";
import type { Message, Tool, ToolCall } from "../conversation/mod.ts";
import type { ReasoningTags } from "../stream/mod.ts";

/** The client's text in a conversation. */
export interface ClientText {
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly templateArguments: Readonly<Record<string, unknown>>;
}

export interface EscapedText extends ClientText {
  /** Occurs neither in the client's text nor in the template. */
  readonly mark: string;
  /** True if some text looked like a control token and `mark` was inserted. */
  readonly isEscaped: boolean;
}

/**
 * Escapes everything that looks like a control token in client text: messages, calls and their
 * arguments, results, names, tools and template variables. Reasoning tags in assistant messages are
 * kept, because templates split there.
 */
export function escapeClientText(
  text: ClientText,
  template: string,
  controls: ControlTokens,
  tags: ReasoningTags,
): EscapedText {
  const texts = textsOf([text.messages.map(withArguments), text.tools, text.templateArguments]);
  const mark = unusedCharacter([template, ...texts]);
  if (!texts.some((one) => controls.occursIn(one))) return { ...text, mark, isEscaped: false };
  const escaper = new ClientTextEscaper(controls, mark);
  return {
    messages: text.messages.map((message) => escaper.message(message, tags)),
    tools: escaper.deep(text.tools),
    templateArguments: escaper.deep(text.templateArguments),
    mark,
    isEscaped: true,
  };
}

class ClientTextEscaper {
  readonly #controls: ControlTokens;
  readonly #mark: string;

  constructor(controls: ControlTokens, mark: string) {
    this.#controls = controls;
    this.#mark = mark;
  }

  message(message: Message, tags: ReasoningTags): Message {
    const { role, content, toolCalls, ...rest } = message;
    return {
      role,
      content: role === "assistant" ? this.#outsideTags(content, tags) : this.#text(content),
      ...this.deep(rest),
      ...(toolCalls === undefined ? {} : { toolCalls: toolCalls.map((call) => this.#call(call)) }),
    };
  }

  /** Escapes every text in a value, including object keys. */
  deep<T>(value: T): T;
  deep(value: unknown): unknown {
    if (typeof value === "string") return this.#text(value);
    if (Array.isArray(value)) return value.map((item) => this.deep(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.#text(key), this.deep(item)]),
    );
  }

  #text(text: string): string {
    return this.#controls.escape(text, this.#mark);
  }

  #outsideTags(text: string, { open, close }: ReasoningTags): string {
    return text.split(open)
      .map((part) => part.split(close).map((one) => this.#text(one)).join(close))
      .join(open);
  }

  #call(call: ToolCall): ToolCall {
    const value = argumentsOf(call);
    // The arguments are serialised again, because a JSON escape may hide a control token.
    const written = value === undefined ? call.arguments : JSON.stringify(this.deep(value));
    return { ...this.deep(call), arguments: this.#text(written) };
  }
}

/** A message and the parsed arguments of its calls, because JSON may escape their text. */
function withArguments(message: Message): unknown {
  return [message, message.toolCalls?.map(argumentsOf)];
}

function argumentsOf(call: ToolCall): unknown {
  try {
    return JSON.parse(call.arguments);
  } catch {
    return undefined;
  }
}

/** Every text in a value, at any depth. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key, ...textsOf(item)]);
}
