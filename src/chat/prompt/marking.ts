import { type ControlTokens, unusedMark } from "./control_tokens.ts";
import type { Message, Tool, ToolCall } from "../conversation/mod.ts";
import type { ReasoningTags } from "../stream/mod.ts";

/** What a client wrote of a conversation. */
export interface ClientText {
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly templateArguments: Readonly<Record<string, unknown>>;
}

export interface MarkedText extends ClientText {
  /** Occurs in none of the client's texts and not in the template. */
  readonly mark: string;
  /** Some text looked like a control token, and `mark` was put into it. */
  readonly marked: boolean;
}

/**
 * Marks all that looks like a control token in what a client wrote: messages, calls and their
 * arguments, results, names, tools, variables of the template. Reasoning tags in the assistant's own
 * text stay, for templates that split there.
 */
export function markClientText(
  text: ClientText,
  template: string,
  controls: ControlTokens,
  tags: ReasoningTags,
): MarkedText {
  const texts = textsOf([text.messages.map(withArguments), text.tools, text.templateArguments]);
  const mark = unusedMark([template, ...texts]);
  if (!texts.some((one) => controls.occursIn(one))) return { ...text, mark, marked: false };
  const marking = new Marking(controls, mark);
  return {
    messages: text.messages.map((message) => marking.message(message, tags)),
    tools: marking.deep(text.tools),
    templateArguments: marking.deep(text.templateArguments),
    mark,
    marked: true,
  };
}

class Marking {
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
      content: role === "assistant" ? this.#outside(content, tags) : this.#text(content),
      ...this.deep(rest),
      ...(toolCalls === undefined ? {} : { toolCalls: toolCalls.map((call) => this.#call(call)) }),
    };
  }

  /** A value with every text in it marked, keys of objects too. */
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
    return this.#controls.mark(text, this.#mark);
  }

  #outside(text: string, { open, close }: ReasoningTags): string {
    return text.split(open)
      .map((part) => part.split(close).map((one) => this.#text(one)).join(close))
      .join(open);
  }

  #call(call: ToolCall): ToolCall {
    const value = argumentsOf(call);
    // Written anew, as an escape in JSON may hide what it stands for.
    const written = value === undefined ? call.arguments : JSON.stringify(this.deep(value));
    return { ...this.deep(call), arguments: this.#text(written) };
  }
}

/** A message with the arguments of its calls as values too, whose texts JSON may have escaped. */
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
