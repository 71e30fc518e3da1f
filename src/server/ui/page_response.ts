import { decodeBase64 } from "@std/encoding/base64";

/** The page, read when it is requested first: the start of a server does not wait for it. */
let loading: ReturnType<typeof load> | null = null;

async function load() {
  const { PAGE } = await import("../../assets/page.ts");
  const zipped = decodeBase64(PAGE.gzip);
  return { zipped, tag: PAGE.tag, policy: policyOf(PAGE.script, PAGE.style) };
}

/**
 * The content security policy (W3C CSP3): the page runs its own script only, and requests nothing but this
 * server. Scripts set HTML only through DOMPurify.
 */
function policyOf(script: string, style: string): string {
  return [
    "default-src 'none'",
    `script-src '${script}'`,
    `style-src '${style}'`,
    "img-src data: blob:",
    "media-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify",
  ].join("; ");
}

/** The web page, compressed if the client accepts gzip; 304 if the client has it. */
export async function pageResponse(request: Request): Promise<Response> {
  const { zipped, tag, policy } = await (loading ??= load());
  const headers = new Headers({
    "content-security-policy": policy,
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    "cross-origin-opener-policy": "same-origin",
    "etag": tag,
    "referrer-policy": "no-referrer",
    "vary": "accept, accept-encoding",
    "x-content-type-options": "nosniff",
  });
  const { ifNoneMatch } = await import("@std/http/etag");
  if (!ifNoneMatch(request.headers.get("if-none-match"), tag)) {
    return new Response(null, { status: 304, headers });
  }
  if (!await takesGzip(request)) {
    const plain = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(await new Response(plain).arrayBuffer(), { headers });
  }
  headers.set("content-encoding", "gzip");
  return new Response(zipped, { headers });
}

/** Whether a client says that it reads gzip. curl says nothing, and shows what comes. */
async function takesGzip(request: Request): Promise<boolean> {
  if (!request.headers.has("accept-encoding")) return false;
  const { acceptsEncodings } = await import("@std/http/negotiation");
  return acceptsEncodings(request, "gzip", "identity") === "gzip";
}
