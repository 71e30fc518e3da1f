import { argumentsObject, type Message } from "../conversation/mod.ts";
import type { TemplateMessage } from "./template_message.ts";
import type { TemplateTraits } from "./traits.ts";

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
