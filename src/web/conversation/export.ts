import type { Conversation, Message } from "./conversation.ts";
import { mediaToMarkdown } from "./media.ts";
import { contentOf, fenceFor } from "./prompt.ts";
import { pathOf } from "./tree.ts";

/** `format` of exported JSON. */
export const FORMAT = "shimmy-conversation";

/** The names of roles in Markdown. */
export const HEADINGS = { user: "You", assistant: "Answer", tool: "Tool result" } as const;

/** The whole tree as JSON. The import restores all of it but the counts and rates of answers. */
export function toJson({ messages, ...rest }: Conversation): string {
  const plain = [...messages.values()].map(({ answer: _, ...message }) => message);
  return JSON.stringify({ format: FORMAT, version: 1, ...rest, messages: plain }, null, 2) + "\n";
}

/**
 * The chosen branch as Markdown. Each message begins with a comment, which the import reads, and a heading
 * for readers.
 */
export function toMarkdown(conversation: Conversation): string {
  const { title, system } = conversation;
  const parts = [`# ${title}`];
  if (system !== "") parts.push(`<!-- shimmy: system -->\n\n## System\n\n${system}`);
  for (const message of pathOf(conversation)) parts.push(sectionOf(message));
  return parts.join("\n\n") + "\n";
}

function sectionOf(message: Message): string {
  const { role, model, reasoning, toolCalls = [] } = message;
  const by = role === "assistant" && model !== undefined ? ` (${model})` : "";
  const parts = [`<!-- shimmy: ${role} -->`, `## ${HEADINGS[role]}${by}`];
  if (reasoning) {
    parts.push(`<details><summary>Reasoning</summary>\n\n${reasoning.trim()}\n\n</details>`);
  }
  parts.push(...mediaToMarkdown(message), contentOf(message));
  for (const { name, arguments: given } of toolCalls) {
    const fence = fenceFor(given);
    parts.push(`Call of \`${name}\`:\n\n${fence}json\n${given}\n${fence}`);
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

/** A file name for an exported conversation. */
export function fileNameOf({ title }: Pick<Conversation, "title">, extension: string): string {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  return `${words.join("-").slice(0, 60) || "chat"}.${extension}`;
}
