import { basename, dirname, join } from "node:path";
import { cacheFolder, findCached } from "./cache.ts";
import { embeddedLibraries } from "./embedded.ts";
import { readManifest } from "./install.ts";
import { isPackageCached } from "./npm.ts";
import { isPublished, npmPackage, releaseAssets } from "./release.ts";
import { currentPlatform, type Platform, type Variant, VARIANTS } from "./variant.ts";

/** An installed variant, without the user's own folder. */
export interface InstalledVariant {
  readonly variant: Variant;
  /** Sources that have the variant, in order of precedence. */
  readonly sources: readonly ("embedded" | "cache" | "npm")[];
  /** Its folder in the cache. */
  readonly folder: string | null;
  /** True if libraries for this platform are published. */
  readonly published: boolean;
  /** Bytes of the release archives, if they would be downloaded. */
  readonly downloadBytes: number | null;
}

/** Options with replacements for tests. */
export interface ManageOptions {
  readonly cacheDir: string;
  readonly platform?: Platform | undefined;
  readonly embedded?: URL | null | undefined;
  readonly standalone?: boolean | undefined;
}

/** Lists every variant and its sources. It downloads nothing. */
export function listInstalled(options: ManageOptions): Promise<InstalledVariant[]> {
  return Promise.all(VARIANTS.map((variant) => describe(variant, options)));
}

async function describe(variant: Variant, options: ManageOptions): Promise<InstalledVariant> {
  const platform = options.platform ?? currentPlatform();
  const standalone = options.standalone ?? Deno.build.standalone;
  const embedded = options.embedded === undefined ? embeddedLibraries() : options.embedded;
  const folder = await findCached(options.cacheDir, platform, variant);
  const name = standalone ? null : npmPackage(platform, variant);
  const sources: InstalledVariant["sources"][number][] = [];
  if (embedded && await readManifest(new URL(`${variant}/`, embedded))) sources.push("embedded");
  if (folder !== null) sources.push("cache");
  if (name !== null && isPackageCached(name)) sources.push("npm");
  const assets = releaseAssets(platform, variant);
  return {
    variant,
    sources,
    folder,
    published: isPublished(platform, variant),
    downloadBytes: name !== null || assets === null
      ? null
      : assets.reduce((sum, { size }) => sum + size, 0),
  };
}

/**
 * Removes a variant's libraries from the cache folder, complete or damaged.
 *
 * @returns True if there were any.
 */
export async function removeInstalled(variant: Variant, options: ManageOptions): Promise<boolean> {
  const own = cacheFolder(options.cacheDir, options.platform ?? currentPlatform(), variant);
  const [parent, name] = [dirname(own), basename(own)];
  let removed = false;
  try {
    for await (const entry of Deno.readDir(parent)) {
      const isOwn = entry.name === name || entry.name.startsWith(`${name}+`) ||
        entry.name.startsWith(`${name}.partial-`);
      if (!isOwn) continue;
      await Deno.remove(join(parent, entry.name), { recursive: true });
      removed = true;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return removed;
}
