import type { SavedConversation } from "./conversation.ts";

const HEADINGS = {
  system: "System",
  developer: "System",
  user: "User",
  assistant: "Assistant",
  tool: "Tool",
};

/** A conversation as the text of a file: JSON for names that end in `.json`, else Markdown. */
export function exportText(path: string, conversation: SavedConversation): string {
  if (/\.json$/i.test(path)) return `${JSON.stringify(conversation, null, 2)}\n`;
  const parts = conversation.messages.map(({ role, content, reasoning }) => {
    const thoughts = reasoning === undefined
      ? ""
      : `<details><summary>Reasoning</summary>\n\n${reasoning.trim()}\n\n</details>\n\n`;
    return `## ${HEADINGS[role]}\n\n${thoughts}${content.trim()}\n`;
  });
  return [`# Conversation with ${conversation.model}\n`, ...parts].join("\n");
}
