/**
 * Writes the libraries of a variant and their licences to a folder, for an image or a package.
 *
 *     deno task libraries [--variant VARIANT] [--to FOLDER]
 *
 * The CUDA variant comes from llama.cpp's release archive, which contains CUDA's own libraries. Every other
 * variant comes from an npm package.
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installArchive } from "../src/runtime/library/archive.ts";
import { describeFolder, MANIFEST } from "../src/runtime/library/install.ts";
import { fetchPackage } from "../src/runtime/library/npm.ts";
import { npmPackage } from "../src/runtime/library/release.ts";
import {
  currentPlatform,
  type Platform,
  platformName,
  type Variant,
  VARIANTS,
} from "../src/runtime/library/variant.ts";
import { LLAMA_LICENCE, llamaLicence, PACKAGE_LICENCE } from "./licences.ts";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));

/** Libraries of llama.cpp's programs, and files for Node.js only. */
const UNUSED = /llama-common|\.node$|^_|^\./;

/**
 * Empties a folder and writes a variant's libraries from their npm package to it.
 *
 * @throws {Error} if no package contains the variant.
 */
export async function layOutPackage(
  platform: Platform,
  variant: Variant,
  to: string,
): Promise<void> {
  const name = npmPackage(platform, variant);
  if (!name) {
    throw new Error(`There is no npm package with ${variant} for ${platformName(platform)}`);
  }
  const from = await fetchPackage(name, { os: denoOs(platform) });
  await emptyFolder(to);
  for await (const file of Deno.readDir(from)) {
    if (!file.isFile || UNUSED.test(file.name)) continue;
    await Deno.copyFile(join(from, file.name), join(to, file.name));
  }
  const licence = await Deno.readTextFile(join(from, "..", "..", "LICENSE"));
  await Deno.writeTextFile(join(to, PACKAGE_LICENCE), licence);
  await Deno.writeTextFile(join(to, LLAMA_LICENCE), llamaLicence(licence));
  await Deno.writeTextFile(join(to, MANIFEST), JSON.stringify(await describeFolder(to, false)));
}

/** Writes a variant's libraries from llama.cpp's release archives to a folder. */
async function layOutArchive(platform: Platform, variant: Variant, to: string): Promise<void> {
  const cacheDir = await Deno.makeTempDir();
  try {
    const from = await installArchive({ platform, variant, cacheDir });
    await emptyFolder(to);
    for await (const { name } of Deno.readDir(from)) {
      await Deno.copyFile(join(from, name), join(to, name));
    }
  } finally {
    await Deno.remove(cacheDir, { recursive: true });
  }
}

async function emptyFolder(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
}

function denoOs({ os }: Platform): typeof Deno.build.os {
  return os === "win" ? "windows" : os === "mac" ? "darwin" : "linux";
}

if (import.meta.main) {
  const { variant: wanted = "cpu", to } = parseArgs({
    options: { variant: { type: "string" }, to: { type: "string" } },
  }).values;
  const variant = VARIANTS.find((variant) => variant === wanted);
  if (variant === undefined) {
    console.error(`--variant: '${wanted}' is not a variant; valid are ${VARIANTS.join(", ")}`);
    Deno.exit(2);
  }
  const folder = resolve(to ?? join(DIST, "libraries", variant));
  const layOut = variant === "cuda" ? layOutArchive : layOutPackage;
  await layOut(currentPlatform(), variant, folder);
  console.error(folder);
}
