import type {
  Conversation,
  Ending,
  MediaFile,
  Message,
  Role,
  Sampling,
  TextFile,
  ToolCall,
} from "./conversation.ts";
import { createConversation } from "./create.ts";
import { FORMAT } from "./export.ts";
import { isMediaUrl } from "./media.ts";
import { fromMarkdown } from "./import_markdown.ts";
import { childrenOf } from "./tree.ts";

const ROLES: readonly Role[] = ["user", "assistant", "tool"];

const ENDINGS: readonly Ending[] = ["stop", "length", "cancelled", "failed", "lost"];

type Json = Readonly<Record<string, unknown>>;

/**
 * A conversation from an exported file: JSON with all branches, or Markdown with one.
 *
 * @throws {SyntaxError} if the text is neither; the message says what is wrong.
 */
export function importConversation(text: string): Conversation {
  return /^\s*[{[]/.test(text) ? fromJson(text) : fromMarkdown(text);
}

function fromJson(text: string): Conversation {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError("the file is not valid JSON", { cause });
  }
  const body = objectOf(value, "the file");
  if (body.format !== FORMAT) throw new SyntaxError(`format: must be ${FORMAT}`);
  if (body.version !== 1) throw new SyntaxError("version: must be 1");
  const list = body.messages;
  if (!Array.isArray(list)) throw new SyntaxError("messages: must be a list");
  const messages = treeOf(list);
  return createConversation({
    title: textOf(body.title, "title"),
    isNamed: body.isNamed === true,
    system: body.system === undefined ? "" : textOf(body.system, "system"),
    tools: body.tools === undefined ? "" : toolsOf(body.tools),
    model: typeof body.model === "string" ? body.model : null,
    sampling: samplingOf(body.sampling),
    chosen: chosenOf(body.chosen, messages),
    messages,
    ...(isTime(body.created) ? { created: body.created } : {}),
  });
}

/** The messages by their ids. @throws {SyntaxError} if they are not a tree. */
function treeOf(list: readonly unknown[]): ReadonlyMap<string, Message> {
  const messages = new Map<string, Message>();
  list.forEach((one, index) => {
    const at = `messages[${index}]`;
    const message = messageOf(objectOf(one, at), at);
    if (message.id === "") throw new SyntaxError(`${at}.id: must not be empty`);
    if (messages.has(message.id)) throw new SyntaxError(`${at}.id: must be an id of its own`);
    messages.set(message.id, message);
  });
  let index = 0;
  for (const { parent } of messages.values()) {
    if (parent !== null && !messages.has(parent)) {
      throw new SyntaxError(`messages[${index}].parent: must be the id of another message`);
    }
    index++;
  }
  // A message that is not reached from the beginning follows itself.
  const reached: (string | null)[] = [null];
  for (const parent of reached) {
    for (const { id } of childrenOf({ messages }, parent)) reached.push(id);
  }
  if (reached.length <= messages.size) {
    throw new SyntaxError("messages: a message must not follow itself");
  }
  return messages;
}

function messageOf(body: Json, at: string): Message {
  const role = ROLES.find((one) => one === body.role);
  if (role === undefined) throw new SyntaxError(`${at}.role: must be one of ${ROLES.join(", ")}`);
  const { parent, files, toolCalls } = body;
  // Files of earlier versions name them images.
  const mediaField = body.media === undefined ? "images" : "media";
  const media = body[mediaField];
  return {
    id: textOf(body.id, `${at}.id`),
    parent: parent === null ? null : textOf(parent, `${at}.parent`),
    role,
    content: textOf(body.content, `${at}.content`),
    created: isTime(body.created) ? body.created : Date.now(),
    ...(role === "assistant" ? { ending: endingOf(body.ending) } : {}),
    ...optional("error", body.error),
    ...optional("reasoning", body.reasoning),
    ...optional("model", body.model),
    ...optional("prefix", body.prefix),
    ...optional("toolCallId", body.toolCallId),
    ...(Array.isArray(files)
      ? { files: files.map((file, index) => fileOf(file, `${at}.files[${index}]`)) }
      : {}),
    ...(Array.isArray(media)
      ? { media: media.map((one, index) => mediaFileOf(one, `${at}.${mediaField}[${index}]`)) }
      : {}),
    ...(Array.isArray(toolCalls)
      ? { toolCalls: toolCalls.map((call, index) => callOf(call, `${at}.toolCalls[${index}]`)) }
      : {}),
  };
}

/** An answer whose end is not known counts as complete. */
function endingOf(value: unknown): Ending {
  return ENDINGS.find((one) => one === value) ?? "stop";
}

function fileOf(value: unknown, at: string): TextFile {
  const { name, text } = objectOf(value, at);
  return { name: textOf(name, `${at}.name`), text: textOf(text, `${at}.text`) };
}

function mediaFileOf(value: unknown, at: string): MediaFile {
  const { name, url } = objectOf(value, at);
  const named = { name: textOf(name, `${at}.name`) };
  if (url === undefined) return named;
  if (typeof url === "string" && isMediaUrl(url)) return { ...named, url };
  const formats = "a PNG, JPEG, WebP, GIF or BMP image, or of a WAV, MP3 or FLAC sound";
  throw new SyntaxError(`${at}.url: must be a data URL of ${formats}`);
}

function callOf(value: unknown, at: string): ToolCall {
  const call = objectOf(value, at);
  return {
    id: textOf(call.id, `${at}.id`),
    name: textOf(call.name, `${at}.name`),
    arguments: textOf(call.arguments, `${at}.arguments`),
  };
}

const SAMPLING_FIELDS = {
  temperature: true,
  top_p: true,
  top_k: true,
  min_p: true,
  repeat_penalty: true,
  max_tokens: true,
  seed: true,
} as const satisfies Record<keyof Sampling, true>;

/** The fields that the page sets: the server refuses others, and nobody could remove them. */
function samplingOf(value: unknown): Sampling {
  if (typeof value !== "object" || value === null) return {};
  const known = Object.entries(value).filter(([name, one]) =>
    Object.hasOwn(SAMPLING_FIELDS, name) && Number.isFinite(one)
  );
  return Object.fromEntries(known);
}

function toolsOf(value: unknown): string {
  const tools = textOf(value, "tools");
  try {
    if (tools === "" || Array.isArray(JSON.parse(tools))) return tools;
  } catch {
    // The reason is the same.
  }
  throw new SyntaxError("tools: must be a JSON list");
}

/** Milliseconds that a `Date` can have. */
const MOST_TIME = 8.64e15;

function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= MOST_TIME;
}

function chosenOf(value: unknown, messages: ReadonlyMap<string, Message>): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter(([parent, id]) =>
      childrenOf({ messages }, parent === "" ? null : parent).some((child) => child.id === id)
    ),
  );
}

function optional<K extends string>(key: K, value: unknown): { readonly [P in K]?: string } {
  return typeof value === "string" ? { [key]: value } as { [P in K]: string } : {};
}

function textOf(value: unknown, at: string): string {
  if (typeof value !== "string") throw new SyntaxError(`${at}: must be text`);
  return value;
}

function objectOf(value: unknown, at: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new SyntaxError(`${at}: must be an object`);
}
