/**
 * Writes `src/assets/page.ts`: the web page of `src/web` as one compressed HTML file, with its digests.
 *
 *     deno task web
 *
 * With `--check` it writes nothing and fails if the module is not made from the present sources.
 */
import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../src/errors.ts";
import { PAGE } from "../src/assets/page.ts";
import { run } from "./bundle.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The generated module. */
export const ASSET = join(ROOT, "src", "assets", "page.ts");

/** Maximum bytes of the compressed page. */
export const LIMIT = 150_000;

/** Files beside those of `src/web` that determine the page. */
const MORE_SOURCES = ["deno.web.json", "deno.web.lock", "scripts/web.ts"];

/** The files of `src/web` but tests, relative to the repository, in a fixed order. */
async function webFiles(folder = "src/web"): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${name}`;
    if (isDirectory) files.push(...await webFiles(path));
    else if (!/_test\.tsx?$/.test(name)) files.push(path);
  }
  return files.sort();
}

/** A text file of the repository; line ends do not depend on the checkout. */
async function readText(path: string): Promise<string> {
  return (await Deno.readTextFile(join(ROOT, path))).replaceAll("\r\n", "\n");
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** The SHA-256 of all sources of the page, in hexadecimal. */
export async function sourcesDigest(): Promise<string> {
  const paths = [...await webFiles(), ...MORE_SOURCES];
  const parts = await Promise.all(
    paths.map(async (path) => `${path} ${encodeHex(await sha256(await readText(path)))}`),
  );
  return encodeHex(await sha256(parts.join("\n")));
}

/** The style sheets as one, without comments and indentation. `styles` comes before those of pages. */
async function style(): Promise<string> {
  const sheets = (await webFiles()).filter((path) => path.endsWith(".css"));
  sheets.sort((a, b) => Number(b.includes("/styles/")) - Number(a.includes("/styles/")));
  const texts = await Promise.all(sheets.map(readText));
  return texts.join("\n").replace(/\/\*[^]*?\*\//g, "").replace(/\s*\n\s*/g, "\n").trim();
}

/** The program of the page as one module. */
async function script(): Promise<string> {
  const build = join(ROOT, "dist", "build");
  await Deno.mkdir(build, { recursive: true });
  const output = join(build, "page.js");
  await run([
    "bundle",
    "--quiet",
    "--minify",
    "--platform=browser",
    `--config=${join(ROOT, "deno.web.json")}`,
    `--output=${output}`,
    join(ROOT, "src", "web", "main.tsx"),
  ]);
  return (await Deno.readTextFile(output)).trim();
}

/** The HTML with a text in an element, in the place of its comment and of the white space around. */
function inlined(html: string, tag: "style" | "script", text: string): string {
  if (text.toLowerCase().includes(`</${tag}`)) throw new Error(`The ${tag} contains </${tag}`);
  const parts = html.split(new RegExp(`\\s*/\\*@@${tag}@@\\*/\\s*`));
  if (parts.length !== 2) throw new Error(`src/web/index.html must have one /*@@${tag}@@*/`);
  return parts.join(text);
}

async function gzip(text: string): Promise<Uint8Array> {
  const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}

/** Builds the page and writes the module. @throws {Error} if the page is too large. */
export async function buildPage(): Promise<void> {
  const [css, code] = [await style(), await script()];
  const template = (await readText("src/web/index.html")).replace(/\n\s*/g, "\n");
  const html = inlined(inlined(template, "style", css), "script", code);
  const bytes = await gzip(html);
  if (bytes.length > LIMIT) {
    throw new Error(`The page has ${bytes.length} compressed bytes; at most ${LIMIT} are allowed`);
  }
  const digest = async (text: string) => `sha256-${encodeBase64(await sha256(text))}`;
  await Deno.writeTextFile(
    ASSET,
    `/** The web page, made from src/web by \`deno task web\`. Do not edit. */
export const PAGE = {
  /** SHA-256 of the sources. */
  sources: "${await sourcesDigest()}",
  /** Digests for the content security policy. */
  script: "${await digest(code)}",
  style: "${await digest(css)}",
  /** Weak entity tag: the page is sent with and without compression. */
  tag: 'W/"${encodeHex(await sha256(html)).slice(0, 32)}"',
  /** The HTML, compressed with gzip, in base64. */
  gzip: "${encodeBase64(bytes)}",
} as const;
`,
  );
  console.error(
    `src/assets/page.ts: ${bytes.length} compressed bytes of ${html.length} (${code.length} of code, ` +
      `${css.length} of style)`,
  );
}

/** @throws {Error} if the module is not made from the present sources. */
async function checkPage(): Promise<void> {
  if (PAGE.sources === await sourcesDigest()) return;
  throw new Error("src/assets/page.ts is out of date: run `deno task web` and commit the file");
}

if (import.meta.main) {
  try {
    await (Deno.args.includes("--check") ? checkPage() : buildPage());
  } catch (error) {
    console.error(messageOf(error));
    Deno.exit(1);
  }
}
