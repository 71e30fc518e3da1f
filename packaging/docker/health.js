// The image's health check: GET /health needs no key. A failure to connect ends with status 1 too.
const response = await fetch("http://127.0.0.1:11435/health", {
  signal: AbortSignal.timeout(4000),
});
Deno.exit(response.ok ? 0 : 1);
