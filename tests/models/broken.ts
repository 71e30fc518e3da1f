import { join } from "node:path";
import { TINY } from "../support/engine.ts";

/**
 * Writes `broken.gguf`, a model whose head can be read and whose tokenizer nobody knows.
 *
 * @returns Its path.
 */
export async function writeBroken(folder: string): Promise<string> {
  const bytes = await Deno.readFile(TINY);
  const name = "\x05\0\0\0\0\0\0\0qwen2";
  const at = new TextDecoder("latin1").decode(bytes).indexOf(name);
  bytes.set(new TextEncoder().encode("x"), at + name.length - 1);
  await Deno.mkdir(folder, { recursive: true });
  const path = join(folder, "broken.gguf");
  await Deno.writeFile(path, bytes);
  return path;
}
