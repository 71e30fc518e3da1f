import { ShimmyError } from "../../errors.ts";
import type { Message, ToolCall } from "../conversation.ts";
import type { TemplateTraits } from "./traits.ts";

/** A message as templates take it: OpenAI's JSON. */
export interface TemplateMessage {
  role: string;
  content: string | readonly Record<string, unknown>[];
  reasoning_content?: string;
  /** The reasoning, under the name some templates have for it. */
  thinking?: string;
  reasoning?: string;
  /** The tools, for templates that want them in the system message. */
  tools?: string;
  /** Results of this message's own calls, for templates that want them there. */
  tool_responses?: readonly { readonly name: string; readonly response: unknown }[];
  name?: string;
  tool_call_id?: string;
  tool_calls?: readonly TemplateToolCall[];
}

interface TemplateToolCall {
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: unknown };
  readonly id: string;
}

/**
 * The messages of a conversation as a template wants them: roles it knows, content as text, arguments
 * as text or object, call ids it accepts.
 */
export function templateMessages(
  messages: readonly Message[],
  template: string,
  traits: TemplateTraits,
): TemplateMessage[] {
  const roles = new RoleNames(template, messages);
  const converted = messages.map((message) => convert(message, traits, roles));
  return traits.systemRole ? converted : foldSystem(converted);
}

/** Puts the content into the list of parts a template insists on. */
export function inParts(messages: readonly TemplateMessage[]): TemplateMessage[] {
  return messages.map((message) =>
    typeof message.content === "string"
      ? { ...message, content: [{ type: "text", text: message.content }] }
      : message
  );
}

/** What depends on the template and on the whole conversation: names of roles and ids of calls. */
class RoleNames {
  readonly #developer: boolean;
  readonly #shortIds: boolean;
  readonly #toolNames: ReadonlyMap<string, string>;

  constructor(template: string, messages: readonly Message[]) {
    this.#developer = /["']developer["']/.test(template);
    // Mistral's templates refuse every id but nine letters and digits.
    this.#shortIds = /length\s*!=\s*9/.test(template);
    this.#toolNames = new Map(
      messages.flatMap(({ toolCalls }) => toolCalls ?? []).map(({ id, name }) => [id, name]),
    );
  }

  role(role: Message["role"]): string {
    return role === "developer" && !this.#developer ? "system" : role;
  }

  id(id: string): string {
    return this.#shortIds && !/^[A-Za-z0-9]{9}$/.test(id) ? shortId(id) : id;
  }

  /** The tool a message answers for, which some templates need and not every client sends. */
  toolName(message: Message): string | undefined {
    return message.name ??
      (message.toolCallId === undefined ? undefined : this.#toolNames.get(message.toolCallId));
  }
}

function convert(message: Message, traits: TemplateTraits, roles: RoleNames): TemplateMessage {
  const converted: TemplateMessage = { role: roles.role(message.role), content: message.content };
  if (message.reasoning) converted.reasoning_content = message.reasoning;
  const name = message.role === "tool" ? roles.toolName(message) : message.name;
  if (name !== undefined) converted.name = name;
  if (message.toolCallId !== undefined) converted.tool_call_id = roles.id(message.toolCallId);
  if (message.toolCalls !== undefined && message.toolCalls.length > 0) {
    converted.tool_calls = message.toolCalls.map((call) => ({
      type: "function",
      function: {
        name: call.name,
        arguments: traits.objectArguments ? argumentsObject(call) : call.arguments,
      },
      id: roles.id(call.id),
    }));
  }
  return converted;
}

/** The arguments of a call as an object. */
export function argumentsObject(call: ToolCall): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(call.arguments === "" ? "{}" : call.arguments);
  } catch (cause) {
    throw new ShimmyError(
      "invalid",
      `messages: the arguments of the call of '${call.name}' must be the JSON text of an object`,
      { field: "messages", cause },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ShimmyError(
    "invalid",
    `messages: the arguments of the call of '${call.name}' must be an object`,
    { field: "messages" },
  );
}

/** Nine letters and digits that stand for an id, always the same for the same id. */
function shortId(id: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(id)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(36).padStart(9, "0").slice(-9);
}

/** For templates without a system role: its text goes before the message that follows. */
function foldSystem(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const folded: TemplateMessage[] = [];
  let pending: string[] = [];
  for (const message of messages) {
    if (message.role === "system") {
      pending.push(String(message.content));
      continue;
    }
    const content = [...pending, message.content].join("\n");
    folded.push(pending.length === 0 ? message : { ...message, content });
    pending = [];
  }
  if (pending.length > 0) folded.push({ role: "user", content: pending.join("\n") });
  return folded;
}
