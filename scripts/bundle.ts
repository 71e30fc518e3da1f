/**
 * Writes `dist/shimmy.js`: all of Shimmy and the built-in model in one file. `deno run` runs it from a
 * file or from an `http:` URL; no other file is needed.
 *
 *     deno task bundle
 */
import { fromFileUrl, join } from "@std/path";
import { encodeText } from "../src/assets/text_bytes.ts";
import { messageOf } from "../src/errors.ts";
import { withWorkingRequire } from "./require_shim.ts";

const ROOT = fromFileUrl(new URL("..", import.meta.url));

/** Where the bundle is written. */
export const BUNDLE = join(ROOT, "dist", "shimmy.js");

/** The placeholder of the model in `src/assets/bytes_in_bundle.ts`. */
const MARK = '"@@shimmy-tiny@@"';

/** Maximum bytes of a bundle without the texts of the model and of the web page, which has its own limit. */
const LIMIT = 1_700_000;

/** Writes the bundle. @throws {Error} if bundling fails or the bundle is too large. */
export async function bundle(): Promise<void> {
  // Not at the top: the page's own build uses this module, and may be the first.
  const { PAGE } = await import("../src/assets/page.ts");
  const model = await Deno.readFile(join(ROOT, "src", "assets", "tiny", "shimmy-tiny.gguf"));
  const code = await bundleCode();
  const text = `"${await encode(model)}"`;
  if (code.split(MARK).length !== 2) {
    throw new Error("The bundle does not contain the placeholder of the model");
  }
  await Deno.writeTextFile(BUNDLE, withWorkingRequire(code).replace(MARK, () => text));
  const { size } = await Deno.stat(BUNDLE);
  const ofModel = new TextEncoder().encode(text).length;
  const besides = size - ofModel - PAGE.gzip.length;
  console.error(
    `dist/shimmy.js: ${size} bytes: ${besides} bytes of code, ${ofModel} bytes of text for the ` +
      `built-in model of ${model.length} bytes, ${PAGE.gzip.length} bytes for the web page`,
  );
  if (besides > LIMIT) {
    throw new Error(
      `The bundle has ${besides} bytes of code; at most ${LIMIT} are allowed. Check that no library is ` +
        "included completely: zod must be imported with `import * as z`, not with `import { z }`",
    );
  }
}

/** The text of the bundle, without the model. */
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

/** Compressed bytes as the text of a string literal. */
async function encode(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const zipped = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return encodeText(new Uint8Array(await new Response(zipped).arrayBuffer()));
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
