import type { JsonParser } from "../../../chat/mod.ts";
import { parseJsonBytes } from "../../../json_value.ts";
import { checkJsonSize, pause } from "./json_size.ts";

/**
 * Bytes from which a text is parsed in another thread: parsing takes up to ten milliseconds for each MiB,
 * and a message to a thread much less than one.
 */
const LARGE_BYTES = 1 << 20;

/**
 * Parses the JSON text of a request. A large one is parsed in another thread, and the caller goes on in a
 * turn of its own.
 *
 * @param bytes The text in UTF-8, in a buffer of its own, which cannot be used afterwards.
 * @param field Name of the whole value in errors.
 * @param parser Parses large texts; absent: this thread does.
 * @throws {HttpError} 413 for too many values.
 * @throws {ShimmyError} `invalid` for bytes that are not JSON, or nest too deep.
 */
export async function parseJson(
  bytes: Uint8Array<ArrayBuffer>,
  field: string,
  parser: JsonParser | undefined,
): Promise<unknown> {
  await checkJsonSize(bytes);
  if (parser === undefined || bytes.length < LARGE_BYTES) return parseJsonBytes(bytes, field);
  const value = await parser.json(bytes, field);
  await pause();
  return value;
}
