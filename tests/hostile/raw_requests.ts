/** Requests whose lines and headers are no HTTP that a client library would send. */

/** The complete response to the bytes of a request. */
export async function exchange(port: number, request: string): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(request));
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (let read; (read = await connection.read(buffer).catch(() => null)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
  return text;
}

const end = "Connection: close\r\n\r\n";

/** The head of a request, and the beginning of the body of the answer. */
export const REQUESTS: Readonly<Record<string, readonly [head: string, body: RegExp]>> = {
  "a Host with a space": [`GET /health HTTP/1.1\r\nHost: a b\r\n${end}`, /^\{"error":"/],
  "a Host of brackets": [
    `GET /v1/models HTTP/1.1\r\nHost: [[[\r\n${end}`,
    /^\{"error":\{"message":/,
  ],
  "a Host that is no address": [
    `GET /v1/messages HTTP/1.1\r\nHost: 127.999.1.1\r\n${end}`,
    /^\{"type":"error"/,
  ],
  "an absolute target that is no URL": [
    `GET http://[/ HTTP/1.1\r\nHost: 127.0.0.1\r\n${end}`,
    /./,
  ],
};
