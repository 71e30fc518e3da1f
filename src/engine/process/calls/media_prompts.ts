import { ShimmyError } from "../../../errors.ts";
import { SerialQueue } from "../../../serial_queue.ts";
import type { Media, PreparedPrompt } from "../../media/mod.ts";
import type { PromptPart, SequenceRequest } from "../../protocol/mod.ts";

/** Maximum prompts whose images and sounds wait to be read; more are refused. */
export const MAX_MEDIA_PROMPTS = 64;

/** Maximum bytes of the files of images and sounds that wait to be read. One prompt alone may have more. */
export const MAX_MEDIA_BYTES = 512 * 2 ** 20;

/** Whether a prompt has images or sounds. */
export function hasMedia(prompt: readonly PromptPart[]): boolean {
  return prompt.some((part) => "media" in part);
}

/** The parts of a model's media that prompts need. */
export type MediaReader = Pick<Media, "measure" | "isEncoded" | "encode" | "tokensOf">;

/**
 * Reads the images and sounds of prompts beside the loop. They are encoded one after the other; a prompt whose files
 * are encoded does not wait for those of others.
 */
export class MediaPrompts {
  readonly #reading = new Set<Promise<void>>();
  #bytes = 0;
  readonly #encoding = new SerialQueue();

  /** Number of prompts that are read. */
  get count(): number {
    return this.#reading.size;
  }

  /** Resolves when the present prompts are read. */
  get idle(): Promise<unknown> {
    return Promise.all(this.#reading);
  }

  /** @throws {ShimmyError} `overloaded` if many prompts, or large ones, wait. */
  checkRoom(prompt: readonly PromptPart[]): void {
    const refused = (what: string) =>
      new ShimmyError("overloaded", `The queue is full: ${what} are waiting`, { retryAfter: 1 });
    if (this.count >= MAX_MEDIA_PROMPTS) {
      throw refused(`${this.count} prompts with images or sounds`);
    }
    if (this.count > 0 && this.#bytes + bytesOf(prompt) > MAX_MEDIA_BYTES) {
      throw refused(`${this.#bytes} bytes of images and sounds`);
    }
  }

  /** Runs work with a prompt. The work handles its own errors. */
  add(prompt: readonly PromptPart[], work: () => Promise<void>): void {
    const bytes = bytesOf(prompt);
    this.#bytes += bytes;
    const reading = work().finally(() => {
      this.#bytes -= bytes;
      this.#reading.delete(reading);
    });
    this.#reading.add(reading);
  }

  /**
   * The tokens of a prompt, and its images and sounds.
   *
   * @param check throws if a prompt of that length cannot be computed; then its images and sounds are not encoded
   * @param isEnded whether the request was cancelled
   * @returns null if the request was cancelled
   * @throws {ShimmyError} `invalid` if the model does not read them; see `Media`
   */
  async prepare(
    media: MediaReader | null,
    { prompt, addSpecial = true }: Pick<SequenceRequest, "prompt" | "addSpecial">,
    check: (tokens: number) => void,
    isEnded: () => boolean,
  ): Promise<PreparedPrompt | null> {
    const begun = performance.now();
    const reader = readerOf(media);
    using measured = await reader.measure(prompt, addSpecial, isEnded);
    if (measured === null || isEnded()) return null;
    check(measured.length);
    if (reader.isEncoded(measured)) return await reader.encode(measured, begun, isEnded);
    return await this.#encoding.run(() => reader.encode(measured, begun, isEnded));
  }
}

/** @throws {ShimmyError} `invalid` if the model reads only text. */
export function readerOf(media: MediaReader | null): MediaReader {
  if (media === null) throw new ShimmyError("invalid", "The model reads only text");
  return media;
}

/** Bytes of the files of images and sounds. */
function bytesOf(prompt: readonly PromptPart[]): number {
  return prompt.reduce((sum, part) => sum + ("media" in part ? part.media.bytes.length : 0), 0);
}
