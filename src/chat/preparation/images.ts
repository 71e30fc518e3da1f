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
 * A preparer whose prompts have the images of the conversation. Templates see marks in their place, so that
 * the bytes of images are not copied to the threads that render.
 *
 * Its methods throw a `ShimmyError` `invalid` if the model reads no images, if an image cannot be fetched or
 * if the template leaves one out.
 */
export function withImages(preparer: Preparer): Preparer {
  return {
    answer: async (info, input, format) => {
      const { plain, images } = takeImages(info, input);
      const prepared = await preparer.answer(info, plain, format);
      if (images.length === 0) return prepared;
      return {
        ...prepared,
        prompt: placeImages(prepared.prompt, await loaded(images, preparer)),
      };
    },
    prompt: async (info, input) => {
      const { plain, images } = takeImages(info, input);
      const prompt = await preparer.prompt(info, plain);
      return placeImages(prompt, await loaded(images, preparer));
    },
  };
}

/** The marks of images, which have a number each. */
const NUMBERED = new RegExp(`${MEDIA_MARK.slice(0, -1).replace("[", "\\[")} (\\d+)\\]`);

/** The input without images, each of which has a mark of its own in the content. */
function takeImages(
  info: ModelInfo,
  input: Input,
): { readonly plain: Input; readonly images: readonly (MediaInput | RemoteImage)[] } {
  if (input.type !== "chat" || !input.messages.some(({ media }) => media !== undefined)) {
    return { plain: input, images: [] };
  }
  const images: (MediaInput | RemoteImage)[] = [];
  const messages = input.messages.map(({ media = [], ...message }): Message => {
    const [first = "", ...rest] = message.content.split(MEDIA_MARK);
    const content = rest.reduce((text, next, index) => {
      const mark = `${MEDIA_MARK.slice(0, -1)} ${images.length}]`;
      images.push(media[index]!);
      return text + mark + next;
    }, first);
    return { ...message, content };
  });
  for (const one of images) checkSupport(info, one);
  return { plain: { ...input, messages }, images };
}

/** The images with the bytes of those at URLs. */
async function loaded(
  images: readonly (MediaInput | RemoteImage)[],
  { fetchImages = refuseRemote }: Preparer,
): Promise<readonly MediaInput[]> {
  const remote = images.filter((image) => image.type === "remote");
  const fetched = remote.length === 0 ? [] : await fetchImages(remote);
  return images.map((image) => image.type === "remote" ? fetched[remote.indexOf(image)]! : image);
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

/** Puts the images where their marks are. */
function placeImages(
  prompt: readonly PromptPart[],
  images: readonly MediaInput[],
): readonly PromptPart[] {
  if (images.length === 0) return prompt;
  const placed = new Set<number>();
  const parts = prompt.flatMap((part): PromptPart[] => {
    if (!("text" in part)) return [part];
    // Texts and numbers in turn.
    return part.text.split(NUMBERED).flatMap((text, at): PromptPart[] => {
      if (at % 2 === 0) return text === "" ? [] : [{ text, special: part.special }];
      placed.add(Number(text));
      return [{ media: images[Number(text)]! }];
    });
  });
  const missing = images.find((_, number) => !placed.has(number));
  if (missing === undefined) return parts;
  const { type, field } = missing;
  const what = type === "image" ? "image" : "sound";
  const message = `${field}: the model's chat template leaves this ${what} out`;
  throw new ShimmyError("invalid", message, { field });
}
