import { join } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { cacheFolder } from "./cache.ts";
import { installFolder, isIntact, matchesManifest, readManifest } from "./install.ts";
import { type Platform, type Variant, VARIANTS } from "./variant.ts";

/**
 * Folder of the libraries in a compiled executable, or `null` in other programs. It has a folder
 * with a manifest for each variant.
 */
export function embeddedLibraries(): URL | null {
  // Workers have no main module, but only the main thread looks for libraries.
  return Deno.build.standalone && Deno.mainModule ? new URL("./runtime/", Deno.mainModule) : null;
}

/** True if the executable contains the libraries of any variant. */
export async function embedsLibraries(libraries: URL | null): Promise<boolean> {
  if (libraries === null) return false;
  const manifests = await Promise.all(
    VARIANTS.map((variant) => readManifest(new URL(`${variant}/`, libraries))),
  );
  return manifests.some((manifest) => manifest !== null);
}

/**
 * Copies a variant's libraries from the executable to the cache folder, once. The system's loader
 * cannot read files in an executable, and libraries must be in one folder to find each other.
 *
 * @param libraries The result of {@linkcode embeddedLibraries}.
 * @returns The folder, or `null` if the executable does not contain the variant.
 * @throws {ShimmyError} `backend` if the executable is damaged.
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
    if (!await matchesManifest(temporary, manifest)) {
      throw new ShimmyError(
        "backend",
        "The libraries in this executable are damaged; download it again",
      );
    }
  });
  return folder;
}
