/** A message for templates, in OpenAI's JSON. */
export interface TemplateMessage {
  role: string;
  content: string | readonly Record<string, unknown>[];
  reasoning_content?: string;
  /** The reasoning, under other names that templates use. */
  thinking?: string;
  reasoning?: string;
  /** The tools, for templates that expect them in the system message. */
  tools?: string;
  /** Results of this message's calls, for templates that expect them there. */
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

/** Converts the content to a list of parts, for templates that require it. */
export function inParts(messages: readonly TemplateMessage[]): TemplateMessage[] {
  return messages.map((message) =>
    typeof message.content === "string"
      ? { ...message, content: [{ type: "text", text: message.content }] }
      : message
  );
}
