// The health check of the image and of Kubernetes. GET /health needs no key; another path, such as /ready,
// gets the server's. A failure to connect ends with status 1 too.
const [path = "/health"] = Deno.args;
const key = path === "/health" ? undefined : Deno.env.get("SHIMMY_API_KEY");
const response = await fetch(`http://127.0.0.1:11435${path}`, {
  headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  signal: AbortSignal.timeout(4000),
});
Deno.exit(response.ok ? 0 : 1);
