import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { serverDouble } from "../../../tests/doubles/server.ts";

/** `Accept` of Firefox and Chromium. */
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

const PLAIN = "Shimmy 1.2.3 is running\n";

function get(path: string, headers: Record<string, string> = {}, settings = {}) {
  return serverDouble({ settings: { ui: true, ...settings } }).send(
    "GET",
    path,
    undefined,
    headers,
  );
}

async function unzipped(response: Response): Promise<string> {
  assertEquals(response.headers.get("content-encoding"), "gzip");
  const plain = response.body!.pipeThrough(new DecompressionStream("gzip"));
  return await new Response(plain).text();
}

Deno.test("the page is at /ui, and at / for clients that prefer HTML", async () => {
  const pages = [
    await unzipped(await get("/ui", { "accept-encoding": "gzip, br" })),
    await unzipped(await get("/", { accept: BROWSER, "accept-encoding": "gzip" })),
  ];
  for (const page of pages) assertMatch(page, /^<!doctype html>/);
});

Deno.test("other clients get the greeting at /", async () => {
  for (const accept of [undefined, "*/*", "text/plain", "application/json, */*;q=0.5"]) {
    const response = await get("/", accept === undefined ? {} : { accept });
    assertEquals(await response.text(), PLAIN, accept);
  }
});

Deno.test("a client without gzip gets the page uncompressed", async () => {
  for (const encoding of ["identity", "gzip;q=0", undefined]) {
    const response = await get(
      "/ui",
      encoding === undefined ? {} : { "accept-encoding": encoding },
    );
    assertEquals(response.headers.get("content-encoding"), null);
    assertMatch(await response.text(), /^<!doctype html>/);
  }
});

Deno.test("a client that has the page gets 304, however it was compressed", async () => {
  const [zipped, plain] = await Promise.all(
    ["gzip", "identity"].map(async (encoding) => {
      const response = await get("/ui", { "accept-encoding": encoding });
      await response.body?.cancel();
      return response.headers.get("etag")!;
    }),
  );
  const tag = zipped!;
  // Only a weak tag may belong to two encodings.
  assertEquals([tag.slice(0, 3), plain], ['W/"', tag]);
  const again = await get("/ui", { "if-none-match": tag });
  assertEquals([again.status, again.body, again.headers.get("etag")], [304, null, tag]);
  const other = await get("/ui", { "if-none-match": 'W/"other"' });
  assertEquals(other.status, 200);
  await other.body?.cancel();
});

Deno.test("the policy admits the script and the style of the page by their digests", async () => {
  const response = await get("/ui", { "accept-encoding": "identity" });
  const policy = response.headers.get("content-security-policy")!;
  const html = await response.text();
  for (const [tag, directive] of [["script", "script-src"], ["style", "style-src"]] as const) {
    const content = new RegExp(`<${tag}[^>]*>([^]*)</${tag}>`).exec(html)![1]!;
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
    const digest = encodeBase64(bytes);
    assertStringIncludes(policy, `${directive} 'sha256-${digest}'`);
  }
  const rest = ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'"];
  for (const directive of rest) assertStringIncludes(policy, directive);
  assertEquals(/unsafe|https?:|\*/.test(policy), false);
});

Deno.test("the page needs no key, the greeting and the API do", async () => {
  const statusOf = async (path: string, accept: string) => {
    const response = await get(path, { accept }, { apiKey: "secret" });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf("/ui", "*/*"), 200);
  assertEquals(await statusOf("/", BROWSER), 200);
  assertEquals(await statusOf("/", "*/*"), 401);
  assertEquals(await statusOf("/api/models", BROWSER), 401);
});

Deno.test("a server without the page has no /ui and greets browsers at /", async () => {
  const server = serverDouble();
  const missing = await server.send("GET", "/ui");
  assertEquals(missing.status, 404);
  await missing.body?.cancel();
  const greeting = await server.send("GET", "/", undefined, { accept: BROWSER });
  assertEquals(await greeting.text(), PLAIN);
  const document = await (await server.send("GET", "/openapi.json")).json();
  assertEquals("/ui" in document.paths, false);
  const withKey = serverDouble({ settings: { apiKey: "secret" } });
  const refused = await withKey.send("GET", "/", undefined, { accept: BROWSER });
  assertEquals(refused.status, 401);
  await refused.body?.cancel();
});

Deno.test("HEAD has the headers of the page", async () => {
  const server = serverDouble({ settings: { ui: true } });
  const response = await server.send("HEAD", "/ui");
  assertEquals([response.status, response.body], [200, null]);
  assert(response.headers.has("etag"));
});
