import { resolve } from "@std/path";
import { LLAMA_VERSION } from "../../../ffi/library/version.ts";
import { locateLibrary } from "../../../ffi/library/locate.ts";
import { ShimmyError } from "../../errors.ts";
import { findCached } from "./cache.ts";
import type { Progress } from "./download.ts";
import { embeddedLibraries, unpackEmbedded } from "./embedded.ts";
import { fetchPackage, type ImportPackage, isPackageCached } from "./npm.ts";
import { cacheDirectory } from "./paths.ts";
import { type Asset, isPublished, npmPackage, releaseAssets } from "./release.ts";
import { CUDA_RUNTIME, hasSystemLibrary } from "./system.ts";
import {
  currentPlatform,
  type Platform,
  platformName,
  type Variant,
  VARIANT_LABELS,
} from "./variant.ts";

/** Libraries that can be opened. */
export interface Runtime {
  readonly variant: Variant;
  /** The absolute path of the folder that holds libllama and its ggml backends. */
  readonly folder: string;
  readonly source: "folder" | "embedded" | "cache" | "npm" | "archive";
  /** The version of llama.cpp, or `null` for a folder of the user's, where only opening it tells. */
  readonly version: string | null;
}

/** Where to look, and what stands in for the world in tests. */
export interface FindOptions {
  readonly variant: Variant;
  /** A folder of the user's, which wins over everything. @default {Deno.env.get("SHIMMY_LIBLLAMA")} */
  readonly folder?: string | undefined;
  /** @default {cacheDirectory()} */
  readonly cacheDir?: string | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether what is not on this machine may be fetched. @default {true} */
  readonly allowFetch?: boolean | undefined;
  /** Bytes above which it is not fetched. @default {Infinity} */
  readonly fetchLimit?: number | undefined;
  /** Where llama.cpp's releases are. @default {Deno.env.get("SHIMMY_RELEASE_BASE")} */
  readonly releaseBase?: string | undefined;

  readonly platform?: Platform | undefined;
  /** The libraries in the executable; `null` says that there are none. */
  readonly embedded?: URL | null | undefined;
  /** Whether this is a compiled executable, which cannot import npm packages. */
  readonly standalone?: boolean | undefined;
  readonly importPackage?: ImportPackage | undefined;
  readonly assets?: readonly Asset[] | undefined;
}

/**
 * Finds the libraries of a variant: the user's folder, what is built into the executable, the cache
 * folder, the npm package (under Deno), llama.cpp's release archive.
 *
 * @throws {ShimmyError} `not_found` where they are not here and may not be fetched, or the user's
 * folder does not hold them; `backend` where fetching failed; `cancelled`
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
    const folder = await unpackEmbedded(embedded, platform, variant, cacheDir);
    if (folder) return found("embedded", folder);
  }
  const cached = await findCached(cacheDir, platform, variant);
  if (cached) return found("cache", cached);

  const source = fetchSource(options, platform);
  if (source === null) throw notInstalled(platform, variant);
  if (source !== "archive") {
    if (!source.here) {
      options.onProgress?.({ what: `@node-llama-cpp/${source.name}`, bytes: 0, total: null });
    }
    return found("npm", await fetchPackage(source.name, { load: options.importPackage }));
  }
  const { installArchive } = await import("./archive.ts");
  const { onProgress, signal, assets } = options;
  const base = options.releaseBase ?? Deno.env.get("SHIMMY_RELEASE_BASE");
  const folder = await installArchive({
    platform,
    variant,
    cacheDir,
    onProgress,
    signal,
    assets,
    base,
  });
  return found("archive", folder);
}

function userFolder(chosen: string): string {
  const folder = resolve(chosen);
  try {
    locateLibrary(folder, Deno.build.os);
  } catch (cause) {
    throw new ShimmyError("not_found", "SHIMMY_LIBLLAMA: the folder does not hold libllama", {
      field: "SHIMMY_LIBLLAMA",
      detail: folder,
      cause,
    });
  }
  return folder;
}

/** What will be used to get the libraries: an npm package, the release archive, or nothing. */
function fetchSource(
  options: FindOptions,
  platform: Platform,
): { readonly name: string; readonly here: boolean } | "archive" | null {
  const { variant, allowFetch = true, fetchLimit = Infinity } = options;
  const name = (options.standalone ?? Deno.build.standalone) ? null : npmPackage(platform, variant);
  // The package of CUDA needs CUDA's own libraries, which the release brings along.
  if (name && (variant !== "cuda" || hasSystemLibrary(CUDA_RUNTIME))) {
    const here = isPackageCached(name);
    return here || allowFetch ? { name, here } : null;
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
      ? `The ${label} libraries are not installed; \`shimmy runtime install ${variant}\` fetches them`
      : `Nobody publishes ${label} libraries for ${
        platformName(platform)
      }; build llama.cpp with them and set SHIMMY_LIBLLAMA to their folder`,
  );
}
