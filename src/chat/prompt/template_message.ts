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

/** Puts the content into the list of parts a template insists on. */
export function inParts(messages: readonly TemplateMessage[]): TemplateMessage[] {
  return messages.map((message) =>
    typeof message.content === "string"
      ? { ...message, content: [{ type: "text", text: message.content }] }
      : message
  );
}
