import { assert, assertEquals } from "@std/assert";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { PAGE } from "../src/assets/page.ts";
import { LIMIT, sourcesDigest } from "./web.ts";

async function page(): Promise<string> {
  const plain = new Blob([decodeBase64(PAGE.gzip)]).stream()
    .pipeThrough(new DecompressionStream("gzip"));
  return await new Response(plain).text();
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${encodeBase64(bytes)}`;
}

Deno.test("the embedded page is made from the present sources", async () => {
  assertEquals(
    PAGE.sources,
    await sourcesDigest(),
    "src/assets/page.ts is out of date: run `deno task web` and commit the file",
  );
});

Deno.test("the embedded page is small, and its digests are those of its script and style", async () => {
  assert(decodeBase64(PAGE.gzip).length <= LIMIT);
  const html = await page();
  const content = (tag: string) => new RegExp(`<${tag}[^>]*>([^]*)</${tag}>`).exec(html)![1]!;
  assertEquals(PAGE.script, await digest(content("script")));
  assertEquals(PAGE.style, await digest(content("style")));
});

Deno.test("the embedded page refers to no other file and no other host", async () => {
  const html = await page();
  const head = html.slice(0, html.indexOf("<script"));
  const references = [...head.matchAll(/(?:src|href|url\()\s*=?\s*["']?([^"'\s>)]+)/g)];
  assertEquals(references.filter(([, target]) => !target!.startsWith("data:")), []);
  assertEquals(/@import|<link[^>]+stylesheet/.test(head), false);
});
