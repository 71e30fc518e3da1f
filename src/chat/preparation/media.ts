import {
  type MediaInput,
  mediaRefusal,
  type ModelInfo,
  type PromptPart,
} from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { type Input, MEDIA_MARK, type Message, type RemoteImage } from "../conversation/mod.ts";
import type { Preparer } from "./prepare.ts";

/**
 * A preparer whose prompts have the images and sounds of the conversation. Templates see marks in their
 * place, so that their bytes are not copied to the threads that render.
 *
 * Its methods throw a `ShimmyError` `invalid` if the model does not read one of them, if an image cannot be
 * fetched or if the template leaves one out.
 *
 * @param signal ends the fetching of images
 */
export function withMedia(preparer: Preparer, signal?: AbortSignal): Preparer {
  return {
    answer: async (info, input, format) => {
      const { plain, media } = takeMedia(info, input);
      const prepared = await preparer.answer(info, plain, format);
      if (media.length === 0) return prepared;
      return {
        ...prepared,
        prompt: placeMedia(prepared.prompt, await loaded(media, preparer, signal)),
      };
    },
    prompt: async (info, input) => {
      const { plain, media } = takeMedia(info, input);
      const prompt = await preparer.prompt(info, plain);
      return placeMedia(prompt, await loaded(media, preparer, signal));
    },
  };
}

/** The marks of images and sounds, which have a number each. */
const NUMBERED = new RegExp(`${MEDIA_MARK.slice(0, -1).replace("[", "\\[")} (\\d+)\\]`);

/** The input without images and sounds, each of which has a mark of its own in the content. */
function takeMedia(
  info: ModelInfo,
  input: Input,
): { readonly plain: Input; readonly media: readonly (MediaInput | RemoteImage)[] } {
  if (input.type !== "chat" || !input.messages.some(({ media }) => media !== undefined)) {
    return { plain: input, media: [] };
  }
  const found: (MediaInput | RemoteImage)[] = [];
  const messages = input.messages.map(({ media = [], ...message }): Message => {
    const [first = "", ...rest] = message.content.split(MEDIA_MARK);
    const content = rest.reduce((text, next, index) => {
      const mark = `${MEDIA_MARK.slice(0, -1)} ${found.length}]`;
      found.push(media[index]!);
      return text + mark + next;
    }, first);
    return { ...message, content };
  });
  for (const one of found) checkSupport(info, one);
  return { plain: { ...input, messages }, media: found };
}

/** The images and sounds, with the bytes of the images at URLs. */
async function loaded(
  media: readonly (MediaInput | RemoteImage)[],
  { fetchImages = refuseRemote }: Preparer,
  signal: AbortSignal | undefined,
): Promise<readonly MediaInput[]> {
  const remote = media.filter((one) => one.type === "remote");
  const fetched = remote.length === 0 ? [] : await fetchImages(remote, signal);
  return media.map((one) => one.type === "remote" ? fetched[remote.indexOf(one)]! : one);
}

function refuseRemote([image]: readonly RemoteImage[]): never {
  const { field } = image!;
  const message = `${field}: images of other servers are not fetched: send a data: URL, or start ` +
    "this server with --allow-remote-media HOST";
  throw new ShimmyError("invalid", message, { field });
}

/** An image at a URL is refused like any other before it is fetched. */
function checkSupport({ media }: ModelInfo, { type, field }: MediaInput | RemoteImage): void {
  const reason = mediaRefusal(media, type === "remote" ? "image" : type);
  if (reason !== null) throw new ShimmyError("invalid", `${field}: ${reason}`, { field });
}

/** Puts the images and sounds where their marks are. */
function placeMedia(
  prompt: readonly PromptPart[],
  media: readonly MediaInput[],
): readonly PromptPart[] {
  if (media.length === 0) return prompt;
  const placed = new Set<number>();
  const parts = prompt.flatMap((part): PromptPart[] => {
    if (!("text" in part)) return [part];
    // Texts and numbers in turn.
    return part.text.split(NUMBERED).flatMap((text, at): PromptPart[] => {
      if (at % 2 === 0) return text === "" ? [] : [{ text, special: part.special }];
      placed.add(Number(text));
      return [{ media: media[Number(text)]! }];
    });
  });
  const missing = media.find((_, number) => !placed.has(number));
  if (missing === undefined) return parts;
  const { type, field } = missing;
  const what = type === "image" ? "image" : "sound";
  const message = `${field}: the model's chat template leaves this ${what} out`;
  throw new ShimmyError("invalid", message, { field });
}
