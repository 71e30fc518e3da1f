import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { ShimmyError } from "../../errors.ts";
import { download, type DownloadOptions } from "./download.ts";
import { assetOf, serve, temporaryFolder } from "../testing.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(50_000));
const ASSET = assetOf("libraries.tar.gz", BYTES);

/** Sends the first bytes and then closes the connection. */
function cutOff(from: number, to: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(BYTES.slice(from, to));
      controller.close();
    },
  });
}

interface Attempt {
  readonly requests: (string | null)[];
  readonly progress: number[];
  readonly error: unknown;
  readonly path: string;
}

/** Downloads from a server with a `handler`. Returns the error of a failed download. */
async function attempt(
  folder: string,
  handler: (request: Request, count: number) => Response,
  options: Partial<DownloadOptions> = {},
): Promise<Attempt> {
  const requests: (string | null)[] = [];
  const progress: number[] = [];
  await using server = serve((request) => {
    requests.push(request.headers.get("range"));
    return handler(request, requests.length);
  });
  const path = join(folder, ASSET.name);
  const error = await download({
    url: `${server.base}/${ASSET.name}`,
    asset: ASSET,
    path,
    retryMs: 1,
    onProgress: ({ bytes }) => progress.push(bytes),
    ...options,
  }).then(() => null, (error) => error);
  return { requests, progress, error, path };
}

function assertWhole({ path, error }: Attempt): void {
  assertEquals(error, null);
  assertEquals(Deno.readFileSync(path), BYTES);
}

Deno.test("a file is downloaded completely, and progress ends at its size", async () => {
  using folder = temporaryFolder();
  const result = await attempt(folder.path, () => new Response(BYTES));
  assertWhole(result);
  assertEquals(result.progress[0], 0);
  assertEquals(result.progress.at(-1), BYTES.length);
  assertEquals([...Deno.readDirSync(folder.path)].map(({ name }) => name), [ASSET.name]);
});

Deno.test("an interrupted download is resumed", async () => {
  using folder = temporaryFolder();
  const result = await attempt(folder.path, (request, count) => {
    if (count === 1) return new Response(cutOff(0, 20_000));
    const from = Number(/bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1]);
    return new Response(BYTES.slice(from), {
      status: 206,
      headers: { "content-range": `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` },
    });
  });
  assertWhole(result);
  assertEquals(result.requests, [null, "bytes=20000-"]);
});

Deno.test("a server without range support sends the whole file again", async () => {
  using folder = temporaryFolder();
  const result = await attempt(
    folder.path,
    (_, count) => new Response(count === 1 ? cutOff(0, 20_000) : BYTES),
  );
  assertWhole(result);
});

Deno.test("a refused range restarts the download", async () => {
  for (const status of [206, 416]) {
    using folder = temporaryFolder();
    Deno.writeFileSync(join(folder.path, `${ASSET.name}.part`), BYTES.slice(0, 10));
    const result = await attempt(
      folder.path,
      (_, count) => count === 1 ? new Response("elsewhere", { status }) : new Response(BYTES),
    );
    assertWhole(result);
    assertEquals(result.requests, ["bytes=10-", null]);
  }
});

Deno.test("the part of another file is discarded", async () => {
  using folder = temporaryFolder();
  Deno.writeFileSync(join(folder.path, `${ASSET.name}.part`), new Uint8Array(30_000));
  const result = await attempt(folder.path, (request) => {
    const from = request.headers.has("range") ? 30_000 : 0;
    return new Response(BYTES.slice(from), {
      status: from ? 206 : 200,
      headers: { "content-range": `bytes ${from}-` },
    });
  });
  assertWhole(result);
  assertEquals(result.requests, ["bytes=30000-", null]);
});

Deno.test("a wrong checksum fails at once and leaves no file", async () => {
  using folder = temporaryFolder();
  const wrong = BYTES.with(7, (BYTES[7] ?? 0) ^ 1);
  const { error, requests } = await attempt(folder.path, () => new Response(wrong));
  assertStringIncludes(String(error), "its checksum is wrong");
  assertEquals(requests.length, 1);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

Deno.test("a longer file than expected is refused", async () => {
  using folder = temporaryFolder();
  const { error } = await attempt(
    folder.path,
    () => new Response(new Uint8Array(BYTES.length + 1)),
  );
  assertStringIncludes(String(error), "different file than expected");
});

Deno.test("redirects are followed", async () => {
  using folder = temporaryFolder();
  const result = await attempt(
    folder.path,
    ({ url }, count) => count === 1 ? Response.redirect(`${url}?at=mirror`) : new Response(BYTES),
  );
  assertWhole(result);
});

Deno.test("a missing file is not retried, and the URL is in the detail", async () => {
  using folder = temporaryFolder();
  const { error, requests } = await attempt(
    folder.path,
    () => new Response("no", { status: 404 }),
  );
  assertEquals(
    (error as ShimmyError).message,
    `Cannot download ${ASSET.name}: the server answered with status 404`,
  );
  assertStringIncludes((error as ShimmyError).detail ?? "", "http://127.0.0.1");
  assertEquals(requests.length, 1);
});

Deno.test("a server error is retried four times", async () => {
  using folder = temporaryFolder();
  const { error, requests } = await attempt(
    folder.path,
    () => new Response("busy", { status: 503 }),
  );
  assertStringIncludes(String(error), "the server answered with status 503");
  assertEquals(requests.length, 4);
});

Deno.test("a stalled connection is closed and the download resumed", async () => {
  using folder = temporaryFolder();
  const result = await attempt(folder.path, (request, count) => {
    if (count > 1) {
      return new Response(BYTES.slice(1_000), {
        status: 206,
        headers: { "content-range": "bytes 1000-" },
      });
    }
    return new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(BYTES.slice(0, 1_000)) }),
      { headers: { "content-length": String(BYTES.length), "x-path": request.url } },
    );
  }, { stallMs: 200 });
  assertWhole(result);
  assertEquals(result.requests, [null, "bytes=1000-"]);
});

Deno.test("a waiting download can be cancelled", async () => {
  using folder = temporaryFolder();
  const controller = new AbortController();
  const { error } = await attempt(
    folder.path,
    () =>
      new Response(new ReadableStream({ start: (stream) => stream.enqueue(BYTES.slice(0, 9)) })),
    {
      signal: controller.signal,
      onProgress: ({ bytes }) => {
        if (bytes > 0) controller.abort();
      },
    },
  );
  assertEquals((error as ShimmyError).kind, "cancelled");
});

Deno.test("an unreachable host has a readable error", async () => {
  using folder = temporaryFolder();
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  await assertRejects(
    () =>
      download({
        url: `http://127.0.0.1:${port}/x`,
        asset: ASSET,
        path: join(folder.path, "x"),
        retryMs: 1,
      }),
    ShimmyError,
    `Cannot download ${ASSET.name}: 127.0.0.1:`,
  );
});
