import { argumentsObject, type Message } from "../conversation/mod.ts";
import type { TemplateMessage } from "./template_message.ts";
import type { TemplateCapabilities } from "./template_capabilities.ts";

/**
 * Converts messages to the form that a template expects: supported roles, content as text,
 * arguments as text or object, accepted call ids.
 */
export function templateMessages(
  messages: readonly Message[],
  template: string,
  capabilities: TemplateCapabilities,
): TemplateMessage[] {
  const roles = new NameConverter(template, messages);
  const converted = messages.map((message) => convert(message, capabilities, roles));
  return capabilities.systemRole ? converted : mergeSystem(converted);
}

/** Names of roles and ids of calls, which depend on the template and the whole conversation. */
class NameConverter {
  readonly #developer: boolean;
  readonly #shortIds: boolean;
  readonly #toolNames: ReadonlyMap<string, string>;

  constructor(template: string, messages: readonly Message[]) {
    this.#developer = /["']developer["']/.test(template);
    // Mistral's templates refuse ids other than nine letters and digits.
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

  /** The tool of a result message. Some templates need it, and not every client sends it. */
  toolName(message: Message): string | undefined {
    return message.name ??
      (message.toolCallId === undefined ? undefined : this.#toolNames.get(message.toolCallId));
  }
}

function convert(
  message: Message,
  capabilities: TemplateCapabilities,
  roles: NameConverter,
): TemplateMessage {
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
        arguments: capabilities.objectArguments ? argumentsObject(call) : call.arguments,
      },
      id: roles.id(call.id),
    }));
  }
  return converted;
}

/** A nine-character hash of an id. */
function shortId(id: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(id)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(36).padStart(9, "0").slice(-9);
}

/** For templates without a system role: prepends the system text to the following message. */
function mergeSystem(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const merged: TemplateMessage[] = [];
  let pending: string[] = [];
  for (const message of messages) {
    if (message.role === "system") {
      pending.push(String(message.content));
      continue;
    }
    const content = [...pending, message.content].join("\n");
    merged.push(pending.length === 0 ? message : { ...message, content });
    pending = [];
  }
  if (pending.length > 0) merged.push({ role: "user", content: pending.join("\n") });
  return merged;
}
