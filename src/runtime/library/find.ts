import { resolve } from "node:path";
import { LLAMA_VERSION } from "../../../ffi/library/version.ts";
import { locateLibrary } from "../../../ffi/library/locate.ts";
import { ShimmyError } from "../../errors.ts";
import { findCached } from "./cache.ts";
import type { Progress } from "./download.ts";
import { embeddedLibraries, unpackEmbedded } from "./embedded.ts";
import { fetchPackage, isPackageCached } from "./npm.ts";
import type { ImportPackage } from "./npm_import.ts";
import { cacheDirectory } from "./paths.ts";
import { type Asset, buildName, isPublished, npmPackage, releaseAssets } from "./release.ts";
import { CUDA_RUNTIME, hasSystemLibrary } from "./system.ts";
import {
  currentPlatform,
  type Platform,
  platformName,
  type Variant,
  VARIANT_LABELS,
  VARIANTS,
} from "./variant.ts";

/** Libraries that can be opened. */
export interface Runtime {
  readonly variant: Variant;
  /** The absolute path of the folder with libllama and its ggml backends. */
  readonly folder: string;
  readonly source: "folder" | "embedded" | "cache" | "npm" | "archive";
  /**
   * The version of llama.cpp, or `null` for the user's folder, whose version is known only after
   * opening it.
   */
  readonly version: string | null;
}

/** Options of the search, with replacements for tests. */
export interface FindOptions {
  readonly variant: Variant;
  /**
   * The user's folder. It takes precedence over all other sources.
   * @default {Deno.env.get("SHIMMY_LIBLLAMA")}
   */
  readonly folder?: string | undefined;
  /** @default {cacheDirectory()} */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * True if missing libraries may be downloaded.
   * @default {true}
   */
  readonly allowFetch?: boolean | undefined;
  /**
   * Maximum size of a download in bytes.
   * @default {Infinity}
   */
  readonly fetchLimit?: number | undefined;
  /**
   * URL of llama.cpp's releases.
   * @default {Deno.env.get("SHIMMY_RELEASE_BASE")}
   */
  readonly releaseBase?: string | undefined;

  readonly platform?: Platform | undefined;
  /** The libraries in the executable; `null` if there are none. */
  readonly embedded?: URL | null | undefined;
  /** True in a compiled executable, which cannot import npm packages. */
  readonly standalone?: boolean | undefined;
  readonly importPackage?: ImportPackage | undefined;
  /** Replaces the look into Deno's cache. */
  readonly isPackageCached?: ((name: string) => boolean) | undefined;
  readonly assets?: readonly Asset[] | undefined;
}

/**
 * Finds the libraries of a variant. The sources in order: the user's folder, the executable, the
 * cache folder, the npm package (under Deno), llama.cpp's release archive.
 *
 * @throws {ShimmyError} `not_found` if the libraries are missing and may not be downloaded, or if
 * the user's folder does not contain them; `backend` if the download failed; `cancelled`.
 */
export async function findRuntime(options: FindOptions): Promise<Runtime> {
  const { variant } = options;
  const platform = options.platform ?? currentPlatform();
  const found = (source: Runtime["source"], folder: string): Runtime => ({
    variant,
    folder,
    source,
    version: source === "folder" ? null : LLAMA_VERSION,
  });

  const chosen = options.folder ?? Deno.env.get("SHIMMY_LIBLLAMA");
  if (chosen) return found("folder", userFolder(chosen));

  const cacheDir = resolve(options.cacheDir ?? cacheDirectory());
  const embedded = options.embedded === undefined ? embeddedLibraries() : options.embedded;
  if (embedded) {
    for (const held of variantsThatServe(variant, platform)) {
      const folder = await unpackEmbedded(embedded, platform, held, cacheDir);
      if (folder) return found("embedded", folder);
    }
  }
  const cached = await findCached(cacheDir, platform, variant);
  if (cached) return found("cache", cached);

  const source = fetchSource(options, platform);
  if (source === null) throw notInstalled(platform, variant);
  if (source !== "archive") {
    if (!source.isCached) {
      options.onProgress?.({ what: `@node-llama-cpp/${source.name}`, bytes: 0, total: null });
    }
    return found("npm", await fetchPackage(source.name, { load: options.importPackage }));
  }
  return found("archive", await archiveFolder(options, platform, cacheDir));
}

/**
 * Installs llama.cpp's release archive of a variant in the cache folder, unless it is there. It has libmtmd
 * and the RPC backend, which the npm packages lack.
 *
 * @returns the folder.
 * @throws {ShimmyError} `backend` if there is none or the download failed; `cancelled`.
 */
export async function installRelease(
  options: Omit<FindOptions, "folder" | "embedded" | "standalone">,
): Promise<string> {
  const cacheDir = resolve(options.cacheDir ?? cacheDirectory());
  return await archiveFolder(options, options.platform ?? currentPlatform(), cacheDir);
}

async function archiveFolder(
  { variant, onProgress, signal, assets, releaseBase }: FindOptions,
  platform: Platform,
  cacheDir: string,
): Promise<string> {
  const { installArchive } = await import("./archive.ts");
  const base = releaseBase ?? Deno.env.get("SHIMMY_RELEASE_BASE");
  return await installArchive({ platform, variant, cacheDir, onProgress, signal, assets, base });
}

/** Variants whose libraries hold a variant's backend: all hold the CPU's, and some share a build. */
function variantsThatServe(variant: Variant, platform: Platform): Variant[] {
  const build = buildName(platform, variant);
  const others = VARIANTS.filter((other) =>
    other !== variant && (variant === "cpu" || buildName(platform, other) === build)
  );
  return [variant, ...others];
}

function userFolder(chosen: string): string {
  const folder = resolve(chosen);
  try {
    locateLibrary(folder, Deno.build.os);
  } catch (cause) {
    throw new ShimmyError("not_found", "SHIMMY_LIBLLAMA: the folder does not contain libllama", {
      field: "SHIMMY_LIBLLAMA",
      detail: folder,
      cause,
    });
  }
  return folder;
}

/** The source of missing libraries: an npm package, the release archive, or null. */
function fetchSource(
  options: FindOptions,
  platform: Platform,
): { readonly name: string; readonly isCached: boolean } | "archive" | null {
  const { variant, allowFetch = true, fetchLimit = Infinity } = options;
  const name = (options.standalone ?? Deno.build.standalone) ? null : npmPackage(platform, variant);
  // The CUDA package needs CUDA's own libraries, which the release archive includes.
  if (name && (variant !== "cuda" || hasSystemLibrary(CUDA_RUNTIME))) {
    const isCached = (options.isPackageCached ?? isPackageCached)(name);
    return isCached || allowFetch ? { name, isCached } : null;
  }
  const assets = options.assets ?? releaseAssets(platform, variant);
  if (!assets || !allowFetch) return null;
  const bytes = assets.reduce((sum, { size }) => sum + size, 0);
  return bytes <= fetchLimit ? "archive" : null;
}

function notInstalled(platform: Platform, variant: Variant): ShimmyError {
  const label = VARIANT_LABELS[variant];
  return new ShimmyError(
    "not_found",
    isPublished(platform, variant)
      ? `The ${label} libraries are not installed; run \`shimmy runtime install ${variant}\``
      : `There are no published ${label} libraries for ${
        platformName(platform)
      }; build llama.cpp with ${label} and set SHIMMY_LIBLLAMA to the folder`,
  );
}
