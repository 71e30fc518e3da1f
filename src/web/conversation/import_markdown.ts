import type { Conversation, Message, Role } from "./conversation.ts";
import { createConversation, createMessage, titleFrom } from "./create.ts";
import { mediaFromMarkdown } from "./media.ts";
import { addMessage } from "./tree.ts";

/** The comment before each message, and the heading behind it. */
const SECTION = /^<!-- shimmy: (system|user|assistant|tool) -->\n+##[^\n]*\n*/gm;

const REASONING = /^<details><summary>Reasoning<\/summary>\n\n([^]*?)\n\n<\/details>\n*/;

/**
 * A conversation from an exported file in Markdown.
 *
 * @throws {SyntaxError} if the text has no exported message.
 */
export function fromMarkdown(text: string): Conversation {
  const source = text.replaceAll("\r\n", "\n");
  const sections = [...source.matchAll(SECTION)];
  if (sections.length === 0) {
    throw new SyntaxError("the file is neither an exported conversation in JSON nor in Markdown");
  }
  const title = /^# (.+)$/m.exec(source.slice(0, sections[0]!.index))?.[1];
  let conversation = createConversation({ isNamed: title !== undefined, ...(title && { title }) });
  let parent: string | null = null;
  sections.forEach((section, index) => {
    const role = section[1]!;
    const content = source.slice(
      section.index + section[0].length,
      sections[index + 1]?.index,
    ).trim();
    if (role === "system") {
      conversation = { ...conversation, system: content };
      return;
    }
    const message = fromSection(role as Role, content, parent);
    conversation = addMessage(conversation, message);
    parent = message.id;
  });
  if (title !== undefined) return conversation;
  const [first] = conversation.messages.values();
  return { ...conversation, title: titleFrom(first?.content ?? "") };
}

function fromSection(role: Role, content: string, parent: string | null): Message {
  if (role === "user") {
    const { media, text } = mediaFromMarkdown(content);
    return createMessage({
      role,
      parent,
      content: text,
      ...(media.length === 0 ? {} : { media }),
    });
  }
  if (role === "tool") return createMessage({ role, parent, content });
  const [all, reasoning] = REASONING.exec(content) ?? ["", undefined];
  return createMessage({
    role,
    parent,
    content: content.slice(all.length),
    ending: "stop",
    ...(reasoning === undefined ? {} : { reasoning }),
  });
}
