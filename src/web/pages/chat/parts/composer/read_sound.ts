import { type MediaFile, SOUND_TYPES } from "../../../../conversation/mod.ts";
import { size } from "../../../../ui/mod.ts";
import { dataUrl } from "./data_url.ts";

/** Maximum bytes of a sound: what a data URL of the history may have. */
const LIMIT = 20 * 1024 * 1024;

/** The type of a file in a format that the server reads; undefined for others. Browsers name types differently. */
function typeOf({ name, type }: Pick<File, "name" | "type">): string | undefined {
  const format = /^audio\/(?:x-|vnd\.)?(wav|wave|mpeg|mp3|flac)$/.exec(type)?.[1] ??
    /\.(wav|mp3|flac)$/i.exec(name)?.[1]?.toLowerCase();
  if (format === "wav" || format === "wave") return SOUND_TYPES.wav;
  if (format === "mpeg" || format === "mp3") return SOUND_TYPES.mp3;
  return format === "flac" ? SOUND_TYPES.flac : undefined;
}

/** Whether a file is a sound that the server reads. */
export function isSound(file: Pick<File, "name" | "type">): boolean {
  return typeOf(file) !== undefined;
}

/** A sound as it is kept and sent. @throws {Error} if it is empty or too large. */
export async function readSound(file: File): Promise<MediaFile> {
  if (file.size === 0) throw new Error("it is empty");
  if (file.size > LIMIT) {
    throw new Error(`it has ${size(file.size)}, and at most ${size(LIMIT)} are allowed`);
  }
  return { name: file.name, url: await dataUrl(file.slice(0, file.size, typeOf(file))) };
}
