/**
 * Writes `dist/shimmy.js`: all of Shimmy and the built-in model in one file. `deno run` runs it from a
 * file or from an `http:` URL; no other file is needed.
 *
 *     deno task bundle
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeText } from "../src/assets/text_bytes.ts";
import { messageOf } from "../src/errors.ts";
import { withWorkingRequire } from "./require_shim.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Where the bundle is written. */
export const BUNDLE = join(ROOT, "dist", "shimmy.js");

/** The placeholders in `src/assets/bytes_in_bundle.ts`. */
const MODEL_MARK = '"@@shimmy-tiny@@"';
const DECODER_MARK = '"@@webp-decoder@@"';

/** Maximum bytes of a bundle without the texts of binary files and of the web page, which has its own limit. */
const LIMIT = 1_900_000;

/** Writes the bundle. @throws {Error} if bundling fails or the bundle is too large. */
export async function bundle(): Promise<void> {
  // Not at the top: the page's own build uses this module, and may be the first.
  const { PAGE } = await import("../src/assets/page.ts");
  const model = await Deno.readFile(join(ROOT, "src", "assets", "tiny", "shimmy-tiny.gguf"));
  const code = await bundleCode();
  const decoder = await webpDecoder();
  const texts = { [MODEL_MARK]: await literal(model), [DECODER_MARK]: await literal(decoder) };
  await Deno.writeTextFile(BUNDLE, withTexts(withWorkingRequire(code), texts));
  const { size } = await Deno.stat(BUNDLE);
  const [ofModel, ofDecoder] = Object.values(texts).map((text) =>
    new TextEncoder().encode(text).length
  );
  const besides = size - ofModel! - ofDecoder! - PAGE.gzip.length;
  console.error(
    `dist/shimmy.js: ${size} bytes: ${besides} bytes of code, ${ofModel} bytes of text for the ` +
      `built-in model of ${model.length} bytes, ${ofDecoder} bytes for the decoder of WebP images, ` +
      `${PAGE.gzip.length} bytes for the web page`,
  );
  if (besides > LIMIT) {
    throw new Error(
      `The bundle has ${besides} bytes of code; at most ${LIMIT} are allowed. Check that no library is ` +
        "included completely: zod must be imported with `import * as z`, not with `import { z }`",
    );
  }
}

/** The code with texts in place of their marks. @throws {Error} if it does not contain a mark once. */
function withTexts(code: string, texts: Readonly<Record<string, string>>): string {
  return Object.entries(texts).reduce((whole, [mark, text]) => {
    if (whole.split(mark).length === 2) return whole.replace(mark, () => text);
    throw new Error(`The bundle does not contain the placeholder ${mark}`);
  }, code);
}

/** The WebAssembly file of the npm package that decodes WebP images. */
async function webpDecoder(): Promise<Uint8Array<ArrayBuffer>> {
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "import_map.json")));
  const [, name, version] = /^npm:\/(.+)@([^@]+)\/$/.exec(imports["@jsquash/webp/"]) ?? [];
  const { npmCache } = JSON.parse(await outputOf(["info", "--json"]));
  for await (const registry of Deno.readDir(npmCache)) {
    const path = join(npmCache, registry.name, name!, version!, "codec", "dec", "webp_dec.wasm");
    const bytes = await Deno.readFile(path).catch(() => null);
    if (bytes !== null) return bytes;
  }
  throw new Error(`Deno's cache has no file of the npm package ${name}@${version}`);
}

/** The text of the bundle, without binary files. */
async function bundleCode(): Promise<string> {
  const build = join(ROOT, "dist", "build");
  await Deno.mkdir(build, { recursive: true });
  const { unstable } = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const { imports } = JSON.parse(await Deno.readTextFile(join(ROOT, "import_map.json")));
  const config = {
    unstable,
    imports: { ...imports, "../../src/assets/bytes.ts": "../../src/assets/bytes_in_bundle.ts" },
  };
  await Deno.writeTextFile(join(build, "deno.json"), JSON.stringify(config));
  // A copy of the lock file: Deno adds the packages of this other configuration to it.
  await Deno.copyFile(join(ROOT, "deno.lock"), join(build, "deno.lock"));
  const output = join(build, "code.js");
  await run([
    "bundle",
    "--quiet",
    "--minify",
    `--config=${join(build, "deno.json")}`,
    `--lock=${join(build, "deno.lock")}`,
    `--output=${output}`,
    join(ROOT, "main.ts"),
  ]);
  return await Deno.readTextFile(output);
}

/** Compressed bytes as a string literal. */
async function literal(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const zipped = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return `"${encodeText(new Uint8Array(await new Response(zipped).arrayBuffer()))}"`;
}

/** What Deno prints. @throws {Error} if it fails. */
async function outputOf(args: readonly string[]): Promise<string> {
  const { success, code, stdout } = await new Deno.Command(Deno.execPath(), { args: [...args] })
    .output();
  if (!success) throw new Error(`deno ${args[0]} ended with status ${code}`);
  return new TextDecoder().decode(stdout);
}

/** Runs Deno. @throws {Error} if it fails. */
export async function run(args: readonly string[], deno = Deno.execPath()): Promise<void> {
  const { success, code } = await new Deno.Command(deno, { args: [...args], cwd: ROOT })
    .spawn().status;
  if (!success) throw new Error(`deno ${args[0]} ended with status ${code}`);
}

if (import.meta.main) {
  try {
    await bundle();
  } catch (error) {
    console.error(messageOf(error));
    Deno.exit(1);
  }
}
