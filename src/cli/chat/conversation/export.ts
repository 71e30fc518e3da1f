import type { SavedConversation } from "./conversation.ts";
import { type SavedMessage, toSaved } from "./saved_messages.ts";

const HEADINGS = {
  system: "System",
  developer: "System",
  user: "User",
  assistant: "Assistant",
  tool: "Tool",
};

/** A conversation as the text of a file: JSON for names that end in `.json`, else Markdown. */
export async function exportText(
  path: string,
  { model, messages }: SavedConversation,
): Promise<string> {
  const saved = await toSaved(messages);
  if (/\.json$/i.test(path)) return `${JSON.stringify({ model, messages: saved }, null, 2)}\n`;
  const parts = saved.map(({ role, content, reasoning }) => {
    const thoughts = reasoning === undefined
      ? ""
      : `<details><summary>Reasoning</summary>\n\n${reasoning.trim()}\n\n</details>\n\n`;
    return `## ${HEADINGS[role]}\n\n${thoughts}${textOf(content).trim()}\n`;
  });
  return [`# Conversation with ${model}\n`, ...parts].join("\n");
}

/** A content in Markdown; its images and sounds are data URLs. */
function textOf(content: SavedMessage["content"]): string {
  if (typeof content === "string") return content;
  return content.map((part) => {
    if (part.type === "text") return part.text;
    if (part.type === "image_url") return `![image](${part.image_url.url})`;
    const { format, data } = part.input_audio;
    return `[sound](data:audio/${format};base64,${data})`;
  }).join("\n\n");
}
