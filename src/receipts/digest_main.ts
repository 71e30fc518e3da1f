import { hashFile } from "../hash_file.ts";
import { isProgram } from "../own_command.ts";

/** Prints the SHA-256 of a file in hexadecimal. */
export async function digestMain(path: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${await hashFile(path)}\n`);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

if (isProgram(import.meta)) await digestMain(Deno.args[1]!);
