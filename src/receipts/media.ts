import type { MediaInput, PromptPart } from "../engine/protocol/mod.ts";
import { sha256Hex } from "./canonical.ts";

/** An image or a sound of a prompt, as a receipt names it. */
export interface ReceiptMedia {
  readonly type: MediaInput["type"];
  /** SHA-256 of the file. */
  readonly sha256: string;
}

/** The images and sounds of a prompt, in their order. */
export function mediaOf(prompt: readonly PromptPart[]): readonly MediaInput[] {
  return prompt.flatMap((part) => "media" in part ? [part.media] : []);
}

/** Kinds and digests of images and sounds. */
export async function mediaDigests(media: readonly MediaInput[]): Promise<ReceiptMedia[]> {
  return await Promise.all(
    media.map(async ({ type, bytes }) => ({ type, sha256: await sha256Hex(bytes) })),
  );
}
