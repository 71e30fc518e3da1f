import { join } from "@std/path";
import { ShimmyError } from "../../errors.ts";
import { cacheFolder } from "./cache.ts";
import { holds, installFolder, isIntact, readManifest } from "./install.ts";
import type { Platform, Variant } from "./variant.ts";

/**
 * Where a compiled executable keeps the libraries that were built into it, or `null` when this is not
 * one. Below it there is a folder for each variant, with a manifest.
 */
export function embeddedLibraries(): URL | null {
  // In a worker there is no main module, but only the main thread looks for libraries.
  return Deno.build.standalone && Deno.mainModule ? new URL("./runtime/", Deno.mainModule) : null;
}

/**
 * Copies a variant's libraries out of the executable into the cache folder, once. The system's loader
 * cannot read an executable's own files, and a library that is extracted alone misses the others.
 *
 * @param libraries what {@linkcode embeddedLibraries} returned
 * @returns the folder, or `null` where the executable does not hold the variant
 * @throws {ShimmyError} `backend` where the executable is damaged
 */
export async function unpackEmbedded(
  libraries: URL,
  platform: Platform,
  variant: Variant,
  cacheDir: string,
): Promise<string | null> {
  const source = new URL(`${variant}/`, libraries);
  const manifest = await readManifest(source);
  if (!manifest) return null;
  const digests = manifest.files.map(({ name, sha256 }) => `${name} ${sha256}\n`).join("");
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(digests));
  const mark = [...new Uint8Array(hash, 0, 6)].map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  const folder = cacheFolder(cacheDir, platform, variant, mark);
  if (await isIntact(folder)) return folder;
  await installFolder(folder, async (temporary) => {
    for (const { name } of manifest.files) {
      await Deno.writeFile(join(temporary, name), await Deno.readFile(new URL(name, source)));
    }
    if (!await holds(temporary, manifest)) {
      throw new ShimmyError(
        "backend",
        "The libraries in this executable are damaged: download it again",
      );
    }
  });
  return folder;
}
