import type { Platform, Variant } from "./variant.ts";

/** Version of the `@node-llama-cpp` packages with the pinned libllama. */
export const NPM_VERSION = "3.22.1";

/**
 * The llama.cpp build with the binaries of v0.5.0. A versioned release has no binaries; its
 * `nightly-tag.txt` names the build of the same commit.
 */
export const RELEASE_BUILD = "b11146";

/** URL of release assets: `BUILD/ASSET` is appended. */
export const RELEASE_BASE = "https://github.com/ggml-org/llama.cpp/releases/download";

/** Alternatives to a download of the libraries. */
export const WITHOUT_DOWNLOAD =
  "set SHIMMY_LIBLLAMA to a folder with libllama, or use the executable with built-in libraries";

/** A file of the release. */
export interface Asset {
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  /** From the `digest` of the asset on GitHub. */
  readonly sha256: string;
}

const asset = (name: string, size: number, sha256: string): Asset => ({ name, size, sha256 });

/**
 * Release archives of a variant, by `os-arch-variant`. A second archive has CUDA's own libraries,
 * so that only NVIDIA's driver is needed. The lowest offered CUDA version supports the most
 * drivers.
 */
const ASSETS: Readonly<Record<string, readonly Asset[]>> = {
  "linux-x64-cpu": [asset(
    "llama-b11146-bin-ubuntu-x64.tar.gz",
    16998357,
    "c150306eb16b5ab696f76a8bdf810c35fd98a24e82158742e6fa28f420ff8410",
  )],
  "linux-x64-vulkan": [asset(
    "llama-b11146-bin-ubuntu-vulkan-x64.tar.gz",
    30598492,
    "d3ce40fce7403cc93bcf5718fc46c6efb61ed9709f8e5d9f10c86bf0e30e8fb3",
  )],
  "linux-x64-cuda": [
    asset(
      "llama-b11146-bin-ubuntu-cuda-12.8-x64.tar.gz",
      168920581,
      "c2ab9e19838513ff69d1af8d999ad717dd3c7ee4714ac04c7ed5ab9077c50e4e",
    ),
    asset(
      "cudart-llama-b11146-bin-ubuntu-cuda-12.8-x64.tar.gz",
      594373356,
      "1466daea60aad1144819e151b2bae19d54556cf1da6c129c4f55a5ded2637c25",
    ),
  ],
  "linux-arm64-cpu": [asset(
    "llama-b11146-bin-ubuntu-arm64.tar.gz",
    13598346,
    "4aeda6fe68831547e49b7fa87607383ca5352b3d72ca5f70d52ed265f58c131f",
  )],
  "linux-arm64-vulkan": [asset(
    "llama-b11146-bin-ubuntu-vulkan-arm64.tar.gz",
    24410274,
    "5dcebe3ecbcb43a1ed85e3284453f9edf54dcca833e1cb1f54b4022b753c1da5",
  )],
  "mac-arm64-metal": [asset(
    "llama-b11146-bin-macos-arm64.tar.gz",
    11189714,
    "1ad3f9eff80edb9dbef4259ad564d1720612ef7eea48fa4afed0e54f5f3d5711",
  )],
  "mac-x64-cpu": [asset(
    "llama-b11146-bin-macos-x64.tar.gz",
    11237237,
    "305f0e3a17d2c01eb205cd0a62128357f1ec3b55329cb084d94e5ec0115d7a3b",
  )],
  "win-x64-cpu": [asset(
    "llama-b11146-bin-win-cpu-x64.zip",
    18560055,
    "14cf1303ca9ac3abd94816850532f9f9a69ac66fbaca3776fc6f9061c2fac1d1",
  )],
  "win-x64-vulkan": [asset(
    "llama-b11146-bin-win-vulkan-x64.zip",
    32127004,
    "55a378aa095b466979d85075234f66d7655c7a7483222af0c006c0e55b4d7bd6",
  )],
  "win-x64-cuda": [
    asset(
      "llama-b11146-bin-win-cuda-12.4-x64.zip",
      253869799,
      "3c806a6ceccc3dae1c743ceb1a1fb2cce5b76f40bfbd4c6b7b8afb6ef45a5807",
    ),
    asset(
      "cudart-llama-bin-win-cuda-12.4-x64.zip",
      391443627,
      "8c79a9b226de4b3cacfd1f83d24f962d0773be79f1e7b75c6af4ded7e32ae1d6",
    ),
  ],
  "win-arm64-cpu": [asset(
    "llama-b11146-bin-win-cpu-arm64.zip",
    12034624,
    "1727d241f3bf6d27360e984e851cf013928fd655bf89f8628e70da027f377b7d",
  )],
};

/** npm packages by `os-arch-variant`, without scope and version. */
const PACKAGES: Readonly<Record<string, string>> = {
  "linux-x64-cpu": "linux-x64",
  "linux-x64-vulkan": "linux-x64-vulkan",
  "linux-x64-cuda": "linux-x64-cuda",
  "linux-arm64-cpu": "linux-arm64",
  "mac-arm64-metal": "mac-arm64-metal",
  "mac-x64-cpu": "mac-x64",
  "win-x64-cpu": "win-x64",
  "win-x64-vulkan": "win-x64-vulkan",
  "win-x64-cuda": "win-x64-cuda",
  "win-arm64-cpu": "win-arm64",
};

/**
 * Digests of these packages, from npm's `dist.integrity`. A package that is not listed has no pinned
 * digest: Deno compares the package with the digest of the registry.
 */
const PACKAGE_INTEGRITY: Readonly<Record<string, string>> = {
  "linux-x64":
    "sha512-5uCCDNqWCNfaAm8aR/Uzxbo4HBpKgNF91kCHPepKhgMgV2OAmatoefbOlMihsqCiH2Od35E/eUHQCFbfRBJuOg==",
  "linux-x64-vulkan":
    "sha512-bBxqU+JOcBu1nb5Qj2zcMci+JByT1E8EajHvYodyNfVIPkEhXh+/HMwR1/BT7xP08YK0hks+kM8fglER0P8JEg==",
  "linux-x64-cuda":
    "sha512-8rQCjyNNLZJUFit+YpjwlC4hwkKgOMIkB2wuycKBf8NU2O3ySKbiWZQ8aw9ku2nUTXjSnUIrE6KB88itduTBuA==",
  "linux-arm64":
    "sha512-W+7naKCXX9/eEjjFmRS8vvx91QyLXDbeFxexZc3bh/PtQABZgmRL3C0AtYYXn4YGTj/3Qor4lWZn2tpjZFPLdQ==",
};

/** The pinned digest of a package, or `null` if there is none. */
export function packageIntegrity(name: string): string | null {
  return Object.hasOwn(PACKAGE_INTEGRITY, name) ? PACKAGE_INTEGRITY[name] ?? null : null;
}

/**
 * Name of a build, for example `linux-x64-cuda`. The build for Apple silicon has both the CPU and
 * the Metal backend, so both variants share it.
 */
export function buildName({ os, arch }: Platform, variant: Variant): string {
  return `${os}-${arch}-${
    os === "mac" && arch === "arm64" && variant === "cpu" ? "metal" : variant
  }`;
}

/** Release archives of a variant, or `null` if there are none. */
export function releaseAssets(platform: Platform, variant: Variant): readonly Asset[] | null {
  return ASSETS[buildName(platform, variant)] ?? null;
}

/** Name of a variant's npm package without scope and version, or `null` if there is none. */
export function npmPackage(platform: Platform, variant: Variant): string | null {
  return PACKAGES[buildName(platform, variant)] ?? null;
}

/** True if libraries of the variant are published for the platform. */
export function isPublished(platform: Platform, variant: Variant): boolean {
  return npmPackage(platform, variant) !== null || releaseAssets(platform, variant) !== null;
}
