import { messageOf } from "../errors.ts";

/** A server could not be reached. The message is a part of a sentence with the host and the reason. */
export class ConnectionError extends Error {}

/** Reasons by the texts of Deno's network errors. */
const REASONS: readonly (readonly [RegExp, (host: string) => string])[] = [
  [/proxy authentication|proxy .*40[37]/i, () => "the proxy requires authentication"],
  [/dns error|failed to lookup address/i, (host) => `the name ${host} cannot be resolved (DNS)`],
  [/connection refused|actively refused/i, (host) => `${host} refused the connection`],
  [
    /certificate|UnknownIssuer/i,
    (host) => `the TLS certificate of ${host} is not valid, or its issuer is not trusted`,
  ],
  [/corrupt message|handshake|tls/i, (host) => `the TLS handshake with ${host} failed`],
  [/timed out|timeout/i, (host) => `the connection to ${host} timed out`],
  [
    /network is unreachable|no route to host|unreachable/i,
    (host) => `${host} is unreachable; is this machine online?`,
  ],
  [/connection reset|broken pipe|closed/i, (host) => `${host} closed the connection`],
];

/**
 * The failure of a request as a sentence's part that names the host and the reason: DNS, refusal, TLS,
 * proxy. Other errors than those of `fetch` are returned as they are.
 *
 * @param env Reads an environment variable.
 */
export function connectionError(
  error: unknown,
  url: URL,
  env: (name: string) => string | undefined,
): unknown {
  if (!(error instanceof TypeError)) return error;
  // Deno 2.4 has the reason in the message, later versions in the cause.
  const text = `${error.message} ${error.cause === undefined ? "" : messageOf(error.cause)}`;
  const proxy = proxyVariable(url, env);
  const known = REASONS.find(([pattern]) => pattern.test(text));
  const reason = known?.[1](url.host) ?? `the connection to ${url.host} failed`;
  const through = proxy === undefined ? "" : `; the proxy comes from ${proxy}`;
  return new ConnectionError(`${reason}${through}`, { cause: error });
}

/** The name of the variable that sets a proxy for a URL. Its value may contain a password. */
function proxyVariable(
  { protocol, hostname }: URL,
  env: (name: string) => string | undefined,
): string | undefined {
  const excluded = (env("NO_PROXY") || env("no_proxy") || "").split(",").map((one) => one.trim());
  const isExcluded = excluded.some((one) =>
    one === "*" || (one !== "" && `.${hostname}`.endsWith(`.${one.replace(/^\./, "")}`))
  );
  if (isExcluded) return undefined;
  const name = protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  return [name, name.toLowerCase(), "ALL_PROXY", "all_proxy"].find((one) => env(one));
}
