import type { Message, Tool } from "../conversation/mod.ts";
import { describeTools, generic, type ToolFormat } from "../formats/mod.ts";
import type { TemplateCapabilities } from "./template_capabilities.ts";

/**
 * Writes tool parts of a conversation that the template does not render as text: descriptions in
 * the system message, calls in assistant messages, results in user messages.
 */
export function writeToolsAsText(
  messages: readonly Message[],
  tools: readonly Tool[],
  format: ToolFormat,
  capabilities: TemplateCapabilities,
): readonly Message[] {
  let written = capabilities.parallelCalls ? messages : splitCalls(messages);
  // A model without tools does not understand a role that the template only repeats.
  if (!capabilities.toolResults || (!capabilities.toolCalls && format === generic)) {
    written = resultsAsText(written);
  }
  if (!capabilities.toolCalls) written = written.map((message) => callsAsText(message, format));
  if (tools.length > 0 && !capabilities.tools) {
    written = withDescription(written, describeTools(tools, format));
  }
  return written;
}

/**
 * Splits messages into one message per call, each followed by its result, for templates that accept
 * only one call.
 */
function splitCalls(messages: readonly Message[]): readonly Message[] {
  const used = new Set<Message>();
  return messages.flatMap((message) => {
    if (used.has(message)) return [];
    const calls = message.toolCalls ?? [];
    if (calls.length < 2) return [message];
    return calls.flatMap((call, index) => {
      const result = messages.find((candidate) => candidate.toolCallId === call.id);
      if (result !== undefined) used.add(result);
      const { reasoning: _reasoning, ...later } = message;
      const first = index === 0 ? message : { ...later, content: "" };
      return [{ ...first, toolCalls: [call] }, ...(result === undefined ? [] : [result])];
    });
  });
}

function callsAsText(message: Message, format: ToolFormat): Message {
  const { toolCalls, ...rest } = message;
  if (toolCalls === undefined || toolCalls.length === 0) return message;
  return { ...rest, content: joined(message.content, format.write(toolCalls), "\n") };
}

function resultsAsText(messages: readonly Message[]): readonly Message[] {
  const names = new Map(
    messages.flatMap(({ toolCalls = [] }) => toolCalls).map(({ id, name }) => [id, name]),
  );
  const written: Message[] = [];
  let gathering = false;
  for (const message of messages) {
    const isResult = message.role === "tool";
    const name = message.name ?? names.get(message.toolCallId ?? "") ?? "the function";
    const content = isResult ? `The result of ${name}:\n${message.content}` : message.content;
    const last = written.at(-1);
    // Templates without tools often require alternating user and assistant messages.
    if (gathering && last !== undefined && (isResult || message.role === "user")) {
      written[written.length - 1] = { ...last, content: joined(last.content, content, "\n\n") };
    } else {
      written.push(isResult ? { role: "user", content } : message);
    }
    gathering = isResult || (gathering && message.role === "user");
  }
  return written;
}

function withDescription(messages: readonly Message[], description: string): readonly Message[] {
  const [first, ...rest] = messages;
  if (first !== undefined && (first.role === "system" || first.role === "developer")) {
    return [{ ...first, content: joined(first.content, description, "\n\n") }, ...rest];
  }
  return [{ role: "system", content: description }, ...messages];
}

function joined(first: string, second: string, between: string): string {
  return first === "" ? second : first + between + second;
}
