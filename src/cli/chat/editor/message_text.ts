/** The mark at both ends of a message of several lines. */
const BLOCK = '"""';

/** The begin of a block: a message, or the text of a command that sets a system message. */
const BLOCK_START = /^\s*(?:\/(?:set\s+)?system\s+)?"""/;

/** Whether a message goes on in the next line: it ends with a backslash, or a block is open. */
export function isIncomplete(text: string): boolean {
  if (isBlock(text)) return !text.slice(text.indexOf(BLOCK) + BLOCK.length).includes(BLOCK);
  return text.endsWith("\\");
}

/** The text with a line feed after it, in place of a backslash at its end. */
export function withNextLine(text: string): string {
  return `${isBlock(text) ? text : text.replace(/\\$/, "")}\n`;
}

/** The message without the marks of a block. */
export function messageText(text: string): string {
  if (!isBlock(text)) return text;
  return text.replace(BLOCK, "").replace(BLOCK, "").replace(/^\s*\n/, "").trimEnd();
}

function isBlock(text: string): boolean {
  return BLOCK_START.test(text);
}
