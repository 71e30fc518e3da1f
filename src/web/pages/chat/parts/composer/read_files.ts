import type { MediaFile, TextFile } from "../../../../conversation/mod.ts";
import type { Attachments } from "../../../../storage/mod.ts";
import { announce, size } from "../../../../ui/mod.ts";
import type { MediaKind } from "../../state/mod.ts";
import { isImage, readImage } from "./read_image.ts";
import { isSound, readSound } from "./read_sound.ts";

/** Maximum bytes of an attached text file: more tokens than most contexts hold. */
const LIMIT = 2 * 1024 * 1024;

/**
 * Reads files to attach: images, sounds, and text in UTF-8. Tells the user why others are left out.
 *
 * @param refusalOf why the model takes no images or sounds; null if it takes them.
 */
export async function readFiles(
  given: readonly File[],
  refusalOf: (kind: MediaKind) => string | null,
): Promise<Attachments> {
  const files: TextFile[] = [];
  const media: MediaFile[] = [];
  for (const file of given) {
    try {
      const kind = isImage(file) ? "vision" : isSound(file) ? "audio" : null;
      const refusal = kind === null ? null : refusalOf(kind);
      if (refusal !== null) throw new Error(refusal);
      if (kind === null) files.push(await readText(file));
      else media.push(await (kind === "vision" ? readImage : readSound)(file));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      announce(`Cannot attach ${file.name}: ${reason}`, { isError: true });
    }
  }
  return { files, media };
}

async function readText(file: File): Promise<TextFile> {
  if (file.size > LIMIT) {
    throw new Error(`it has ${size(file.size)}, and at most ${size(LIMIT)} are allowed`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    if (!text.includes("\0")) return { name: file.name, text };
  } catch {
    // The reason is the same.
  }
  throw new Error("it is neither text in UTF-8, nor an image, nor a WAV, MP3 or FLAC sound");
}
