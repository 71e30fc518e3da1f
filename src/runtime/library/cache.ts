import { join } from "node:path";
import { LLAMA_VERSION } from "../../../ffi/library/version.ts";
import { isIntact } from "./install.ts";
import { buildName } from "./release.ts";
import type { Platform, Variant } from "./variant.ts";

/**
 * Folder of a variant's libraries in the cache.
 *
 * @param mark Distinguishes copies of different origin.
 */
export function cacheFolder(
  cacheDir: string,
  platform: Platform,
  variant: Variant,
  mark?: string,
): string {
  const name = cacheName(platform, variant);
  return join(cacheDir, "runtime", mark === undefined ? name : `${name}+${mark}`);
}

function cacheName(platform: Platform, variant: Variant): string {
  return `llama-v${LLAMA_VERSION}-${buildName(platform, variant)}`;
}

/**
 * A complete copy of a variant's libraries in the cache, or `null`. Damaged copies are skipped.
 */
export async function findCached(
  cacheDir: string,
  platform: Platform,
  variant: Variant,
): Promise<string | null> {
  const folder = cacheFolder(cacheDir, platform, variant);
  if (await isIntact(folder)) return folder;
  const parent = join(cacheDir, "runtime");
  const prefix = `${cacheName(platform, variant)}+`;
  try {
    for await (const { name } of Deno.readDir(parent)) {
      if (!name.startsWith(prefix) || name.includes(".partial-")) continue;
      if (await isIntact(join(parent, name))) return join(parent, name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return null;
}
