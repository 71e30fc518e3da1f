import { checkRegularFileSync } from "../../regular_file.ts";
import { decodeHead, headLength, PREAMBLE } from "./state_file.ts";
import type { StateHead } from "./state_head.ts";

/** Bytes that hold the head of most files: about 20,000 tokens. */
const HEAD_BYTES = 16_384;

/**
 * Reads the head of a file, without its state.
 * @throws {DamagedStateFile}
 * @throws {Error} of the system.
 */
export function readHead(path: string): StateHead {
  checkRegularFileSync(path);
  using file = Deno.openSync(path);
  const first = readExactly(file, HEAD_BYTES);
  const missing = PREAMBLE + headLength(first) - first.length;
  if (missing <= 0 || first.length < HEAD_BYTES) return decodeHead(first);
  // A damaged length may be longer than the file.
  const rest = readExactly(file, Math.min(missing, file.statSync().size));
  const whole = new Uint8Array(first.length + rest.length);
  whole.set(first);
  whole.set(rest, first.length);
  return decodeHead(whole);
}

/** Reads so many bytes, or fewer at the end of the file. */
function readExactly(file: Deno.FsFile, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  let length = 0;
  while (length < count) {
    const read = file.readSync(bytes.subarray(length));
    if (read === null) break;
    length += read;
  }
  return bytes.subarray(0, length);
}
