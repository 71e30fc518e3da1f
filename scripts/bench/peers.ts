/**
 * Builds llama.cpp's own programs from the pinned source and copies the libraries that Shimmy loads to the
 * same folder, so that a comparison measures programs and not compilers.
 *
 *     deno task bench:peers [FOLDER]         # default: dist/peers
 *     deno task bench --peer llama-server=dist/peers/llama-server --peer-bench dist/peers/llama-bench
 *
 * Requires git, npm, cmake and a C++ compiler, and takes about 20 minutes on two cores. Works on Linux and
 * macOS. `SHIMMY_LLAMA_SOURCE` names an existing source tree of that version.
 */
import { join, resolve } from "node:path";
import { LLAMA_VERSION } from "../../ffi/library/version.ts";
import { findRuntime } from "../../src/runtime/mod.ts";
import { buildBeside } from "../builds/cmake.ts";
import { SourceError, withLlamaSource } from "../ffi/source.ts";
import { answerHelp } from "../usage.ts";

const PROGRAMS = ["llama-server", "llama-bench", "llama-batched-bench", "llama-perplexity"];

const SETTINGS = ["LLAMA_OPENSSL=OFF", "LLAMA_BUILD_UI=OFF", "GGML_OPENMP=OFF"];

/** Files to copy from the build: programs and their own libraries. */
const PROGRAM_FILE = new RegExp(`^(?:${PROGRAMS.join("|")}|lib(?:llama-.*|mtmd)\\..*)$`);
/** Files to copy from the published libraries, replacing built ones. */
const LIBRARY = /^lib.*\.(?:so|dylib)$/;

const EXTENSION = Deno.build.os === "darwin" ? "dylib" : "so";

/** Published libraries with versioned names, to be linked under unversioned names. */
const UNVERSIONED = ["libllama", "libggml"];

answerHelp(import.meta.url);
const folder = resolve(Deno.args[0] ?? join("dist", "peers"));
const build = await Deno.makeTempDir({ prefix: "shimmy-peers-" });
try {
  const runtime = await findRuntime({ variant: "cpu" });
  const built = await withLlamaSource(
    [],
    ({ folder: source }) =>
      buildBeside({ source, folder: build, settings: SETTINGS, targets: PROGRAMS }),
  );
  await Deno.mkdir(folder, { recursive: true });
  for (const [from, wanted] of [[built, PROGRAM_FILE], [runtime.folder, LIBRARY]] as const) {
    for await (const { name } of Deno.readDir(from)) {
      if (wanted.test(name)) await Deno.copyFile(join(from, name), join(folder, name));
    }
  }
  for (const name of UNVERSIONED) {
    const link = join(folder, `${name}.${EXTENSION}`);
    await Deno.remove(link).catch(() => {});
    await Deno.symlink(`${name}.v${LLAMA_VERSION}.${EXTENSION}`, link);
  }
  console.log(folder);
} catch (error) {
  if (!(error instanceof SourceError)) throw error;
  console.error(`bench:peers: ${error.message}`);
  Deno.exitCode = 1;
} finally {
  await Deno.remove(build, { recursive: true });
}
