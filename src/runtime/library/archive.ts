import { join } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { cacheFolder } from "./cache.ts";
import { download, type Progress } from "./download.ts";
import { installFolder, isIntact } from "./install.ts";
import {
  type Asset,
  RELEASE_BASE,
  RELEASE_BUILD,
  releaseAssets,
  WITHOUT_DOWNLOAD,
} from "./release.ts";
import { unpackLibraries } from "../unpack/mod.ts";
import { type Platform, platformName, type Variant, VARIANT_LABELS } from "./variant.ts";

export interface ArchiveOptions {
  readonly platform: Platform;
  readonly variant: Variant;
  readonly cacheDir: string;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * URL of the releases: a mirror, or a test's server.
   * @default {RELEASE_BASE}
   */
  readonly base?: string | undefined;
  /** The archives, for tests. */
  readonly assets?: readonly Asset[] | undefined;
  readonly stallMs?: number | undefined;
  readonly retryMs?: number | undefined;
}

/**
 * Downloads llama.cpp's release archives of the pinned build and unpacks their libraries to the
 * cache folder. If several processes do so at once, one downloads and the others wait.
 *
 * @returns The folder.
 * @throws {ShimmyError} `backend` with an alternative; `cancelled`
 */
export async function installArchive(options: ArchiveOptions): Promise<string> {
  const { platform, variant, cacheDir, signal } = options;
  const assets = options.assets ?? releaseAssets(platform, variant);
  if (!assets) {
    throw new ShimmyError(
      "backend",
      `llama.cpp's release has no ${VARIANT_LABELS[variant]} libraries for ${
        platformName(platform)
      }; ${WITHOUT_DOWNLOAD}`,
    );
  }
  const folder = cacheFolder(cacheDir, platform, variant);
  const downloads = join(cacheDir, "downloads");
  await Deno.mkdir(downloads, { recursive: true });
  await withLock(join(downloads, `${assets[0]?.name}.lock`), signal, async () => {
    if (!await isIntact(folder)) await fetchAndUnpack(options, assets, folder, downloads);
  });
  return folder;
}

async function fetchAndUnpack(
  options: ArchiveOptions,
  assets: readonly Asset[],
  folder: string,
  downloads: string,
): Promise<void> {
  const base = options.base ?? RELEASE_BASE;
  const { onProgress, signal, stallMs, retryMs } = options;
  try {
    for (const asset of assets) {
      const url = `${base}/${RELEASE_BUILD}/${asset.name}`;
      const path = join(downloads, asset.name);
      await download({ url, asset, path, onProgress, signal, stallMs, retryMs });
    }
    await installFolder(folder, async (temporary) => {
      for (const { name } of assets) await unpackLibraries(join(downloads, name), temporary);
    });
  } catch (cause) {
    if (!(cause instanceof ShimmyError)) throw unpackFailure(cause);
    if (cause.kind === "cancelled") throw cause;
    throw new ShimmyError("backend", `${cause.message}; ${WITHOUT_DOWNLOAD}`, {
      ...(cause.detail === undefined ? {} : { detail: cause.detail }),
      cause,
    });
  }
  for (const { name } of assets) await Deno.remove(join(downloads, name)).catch(() => {});
}

function unpackFailure(cause: unknown): ShimmyError {
  return new ShimmyError("backend", `Cannot unpack llama.cpp's libraries; ${WITHOUT_DOWNLOAD}`, {
    detail: String(cause),
    cause,
  });
}

/** Runs a function under an exclusive lock on a file. The lock ends with the process. */
async function withLock(
  path: string,
  signal: AbortSignal | undefined,
  run: () => Promise<void>,
): Promise<void> {
  const file = await Deno.open(path, { create: true, write: true });
  let abandoned = false;
  // On a file system without locks, the checksums still prevent damage.
  const locked = file.lock(true).catch(() => {}).finally(() => {
    if (abandoned) file.close();
  });
  try {
    await Promise.race([locked, whenAborted(signal)]);
  } catch (error) {
    abandoned = true;
    throw error;
  }
  try {
    await run();
  } finally {
    file.close();
  }
}

function whenAborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const cancel = () =>
      reject(new ShimmyError("cancelled", "Wait for another download cancelled"));
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
  });
}
