import type { Message } from "./conversation.ts";
import { isSoundUrl, mediaUrls, SOUND_TYPES } from "./media.ts";

/** A message as the native API takes it. */
export interface PromptMessage {
  readonly role: "user" | "assistant";
  readonly content: string;
  /** Data URLs of images before the text. */
  readonly images?: readonly string[];
  /** Data URLs of sounds between the images and the text. */
  readonly audio?: readonly string[];
}

/** A fence that the text does not contain. */
export function fenceFor(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/^`{3,}/gm)].map(([fence]) => fence.length));
  return "`".repeat(longest + 1);
}

/** The content of a message as the model sees it: attached files come before the text. */
export function contentOf({ content, files = [] }: Pick<Message, "content" | "files">): string {
  const parts = files.map(({ name, text }) => {
    const fence = fenceFor(text);
    return `File \`${name}\`:\n${fence}\n${text.replace(/\n$/, "")}\n${fence}`;
  });
  return [...parts, ...(content === "" ? [] : [content])].join("\n\n");
}

/** The messages of a branch for chat completions, with calls of tools and their results. */
export function chatPromptOf(system: string, path: readonly Message[]): readonly unknown[] {
  const messages = path.map((message) => {
    const { role, content, toolCalls = [], toolCallId } = message;
    if (role === "tool") return { role, content, tool_call_id: toolCallId };
    if (role === "user") return { role, content: contentWithMedia(message) };
    return {
      role,
      content,
      ...(toolCalls.length === 0 ? {} : {
        tool_calls: toolCalls.map(({ id, name, arguments: given }) => ({
          id,
          type: "function",
          function: { name, arguments: given },
        })),
      }),
    };
  });
  return system === "" ? messages : [{ role: "system", content: system }, ...messages];
}

/** The content of a message in OpenAI's form: images and then sounds come before the text. */
function contentWithMedia(message: Message): unknown {
  const text = contentOf(message);
  const { images, audio } = mediaOf(message);
  if (images.length + audio.length === 0) return text;
  return [
    ...images.map((url) => ({ type: "image_url", image_url: { url } })),
    ...audio.map((url) => ({ type: "input_audio", input_audio: inputAudio(url) })),
    ...(text === "" ? [] : [{ type: "text", text }]),
  ];
}

/** A sound in OpenAI's form: base64 and the name of its format. */
function inputAudio(url: string) {
  const data = url.slice(url.indexOf(",") + 1);
  const formats = Object.entries(SOUND_TYPES);
  const [format] = formats.find(([, type]) => url.startsWith(`data:${type};`))!;
  return { data, format };
}

function mediaOf(message: Message) {
  const urls = mediaUrls(message);
  return {
    images: urls.filter((url) => !isSoundUrl(url)),
    audio: urls.filter(isSoundUrl),
  };
}

/** The messages of a branch for the native API. Results of tools are messages of the user there. */
export function promptOf(path: readonly Message[]): PromptMessage[] {
  return path.map((message) => {
    const { images, audio } = mediaOf(message);
    return {
      role: message.role === "assistant" ? "assistant" : "user",
      content: contentOf(message),
      ...(images.length === 0 ? {} : { images }),
      ...(audio.length === 0 ? {} : { audio }),
    };
  });
}
