import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, connectionError } from "./connection_error.ts";
import { request } from "./request.ts";

const HUB = new URL("https://hub.test/x");

/** The message for an error of `fetch` with this reason. */
function explained(reason: string, variables: Record<string, string> = {}): string {
  const error = connectionError(
    new TypeError("fetch failed", { cause: new Error(`client error (Connect): ${reason}`) }),
    HUB,
    (name) => variables[name],
  );
  assertInstanceOf(error, ConnectionError);
  return error.message;
}

Deno.test("a failed connection names the host and the reason", () => {
  assertEquals(
    explained("dns error: failed to lookup address information"),
    "the name hub.test cannot be resolved (DNS)",
  );
  assertEquals(
    explained("tcp connect error: Connection refused (os error 111)"),
    "hub.test refused the connection",
  );
  assertEquals(
    explained("invalid peer certificate: UnknownIssuer"),
    "the TLS certificate of hub.test is not valid, or its issuer is not trusted",
  );
  assertEquals(
    explained("received corrupt message of type InvalidContentType"),
    "the TLS handshake with hub.test failed",
  );
  assertEquals(explained("something new"), "the connection to hub.test failed");
});

Deno.test("a proxy is named by its variable, which may hold a password", () => {
  const refused = "tcp connect error: Connection refused";
  const proxy = { HTTPS_PROXY: "http://user:secret@proxy:1" };
  assertEquals(
    explained(refused, proxy),
    "hub.test refused the connection; the proxy comes from HTTPS_PROXY",
  );
  assertEquals(
    explained(refused, { ...proxy, NO_PROXY: "a,.test" }),
    "hub.test refused the connection",
  );
  assertEquals(explained("proxy authentication required"), "the proxy requires authentication");
});

Deno.test("errors of another kind are unchanged", () => {
  const error = new DOMException("The request was cancelled", "AbortError");
  assertStrictEquals(connectionError(error, HUB, () => undefined), error);
});

Deno.test("a request to a closed port and to an unknown name fail with their reasons", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertRejects(
    () => request(`http://127.0.0.1:${port}/`, {}),
    ConnectionError,
    `127.0.0.1:${port} refused the connection`,
  );
  await assertRejects(
    () => request("http://no-such-host.invalid/", {}),
    ConnectionError,
    "the name no-such-host.invalid cannot be resolved (DNS)",
  );
});
