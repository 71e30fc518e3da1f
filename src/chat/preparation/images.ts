import type { MediaInput, ModelInfo, PromptPart } from "../../engine/protocol/mod.ts";
import { ShimmyError } from "../../errors.ts";
import { type Input, MEDIA_MARK, type Message } from "../conversation/mod.ts";
import type { Preparer } from "./prepare.ts";

/**
 * A preparer whose prompts have the images of the conversation. Templates see marks in their place, so that
 * the bytes of images are not copied to the threads that render.
 *
 * Its methods throw a `ShimmyError` `invalid` if the model reads no images or the template leaves one out.
 */
export function withImages(preparer: Preparer): Preparer {
  return {
    answer: async (info, input, format) => {
      const { plain, images } = takeImages(info, input);
      const prepared = await preparer.answer(info, plain, format);
      return images.length === 0
        ? prepared
        : { ...prepared, prompt: placeImages(prepared.prompt, images) };
    },
    prompt: async (info, input) => {
      const { plain, images } = takeImages(info, input);
      return placeImages(await preparer.prompt(info, plain), images);
    },
  };
}

/** An image and the mark that stands for it alone. */
interface MarkedImage {
  readonly image: MediaInput;
  readonly mark: string;
}

/** The input without images, each of which has a mark of its own in the content. */
function takeImages(
  info: ModelInfo,
  input: Input,
): { readonly plain: Input; readonly images: readonly MarkedImage[] } {
  if (input.type !== "chat" || !input.messages.some(({ media }) => media !== undefined)) {
    return { plain: input, images: [] };
  }
  const images: MarkedImage[] = [];
  const messages = input.messages.map(({ media = [], ...message }): Message => {
    const [first = "", ...rest] = message.content.split(MEDIA_MARK);
    const content = rest.reduce((text, next, index) => {
      const mark = `${MEDIA_MARK.slice(0, -1)} ${images.length}]`;
      images.push({ image: media[index]!, mark });
      return text + mark + next;
    }, first);
    return { ...message, content };
  });
  if (images.length > 0) checkSupport(info, images[0]!.image);
  return { plain: { ...input, messages }, images };
}

function checkSupport({ media }: ModelInfo, { field }: MediaInput): void {
  const reason = media === undefined
    ? "the model reads no images: it has no projector (mmproj)"
    : media.refusal;
  if (reason !== null) throw new ShimmyError("invalid", `${field}: ${reason}`, { field });
}

/** Puts the images where their marks are. */
function placeImages(
  prompt: readonly PromptPart[],
  images: readonly MarkedImage[],
): readonly PromptPart[] {
  let parts = prompt;
  for (const { image, mark } of images) {
    const placed = parts.flatMap((part) => split(part, mark, image));
    if (placed.length === parts.length) {
      const { field } = image;
      const message = `${field}: the model's chat template leaves this image out`;
      throw new ShimmyError("invalid", message, { field });
    }
    parts = placed;
  }
  return parts.filter((part) => !("text" in part) || part.text !== "");
}

function split(part: PromptPart, mark: string, media: MediaInput): PromptPart[] {
  if (!("text" in part) || !part.text.includes(mark)) return [part];
  return part.text.split(mark).flatMap((text, index) => [
    ...(index === 0 ? [] : [{ media }]),
    { text, special: part.special },
  ]);
}
