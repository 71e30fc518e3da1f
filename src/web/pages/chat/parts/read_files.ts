import type { TextFile } from "../../../conversation/mod.ts";
import { announce, size } from "../../../ui/mod.ts";

/** Maximum bytes of an attached file: more tokens than most contexts hold. */
const LIMIT = 2 * 1024 * 1024;

/** The files that are text in UTF-8; tells the user why others are left out. */
export async function readTextFiles(files: Iterable<File>): Promise<TextFile[]> {
  const read: TextFile[] = [];
  for (const file of files) {
    if (file.size > LIMIT) {
      announce(`${file.name} has ${size(file.size)}; at most ${size(LIMIT)} can be attached`, {
        isError: true,
      });
      continue;
    }
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      if (text.includes("\0")) throw new TypeError("binary");
      read.push({ name: file.name, text });
    } catch {
      announce(`${file.name} is not a text file in UTF-8`, { isError: true });
    }
  }
  return read;
}
