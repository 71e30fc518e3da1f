import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { cutOff, halted, sendBytes, sha256 } from "../../tests/doubles/hub.ts";
import { ShimmyError } from "../errors.ts";
import { download, type DownloadOptions, type DownloadProgress } from "./download.ts";
import { request } from "./request.ts";
import { checkSpace, freeSpace } from "./space.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(60_000));
const KNOWN = { size: BYTES.length, sha256: sha256(BYTES) };
const UNKNOWN = { size: null, sha256: null };

type Handler = (request: Request, count: number) => Response | Promise<Response>;

/** A server with one file and a folder for downloads. */
class TestMachine implements AsyncDisposable {
  /** `Range` and `If-Range` of each request. */
  readonly ranges: string[] = [];
  readonly progress: DownloadProgress[] = [];
  readonly folder = Deno.makeTempDirSync();
  readonly path = join(this.folder, "file");
  handler: Handler;
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const ifRange = request.headers.get("if-range");
      const range = request.headers.get("range") ?? "all";
      const count = this.ranges.push(ifRange === null ? range : `${range} if ${ifRange}`);
      return this.handler(request, count);
    },
  );

  constructor(handler: Handler) {
    this.handler = handler;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/file`;
  }

  download(options: Partial<DownloadOptions> = {}): Promise<boolean> {
    return download({
      url: this.url,
      name: "the file",
      path: this.path,
      ...KNOWN,
      retryMs: 1,
      onProgress: (progress) => this.progress.push(progress),
      ...options,
    });
  }

  assertWhole(bytes = BYTES): void {
    assertEquals(sha256(Deno.readFileSync(this.path)), sha256(bytes));
    assertEquals(this.names, ["file"]);
  }

  get names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const whole: Handler = (request) => sendBytes(request, BYTES, { etag: '"1"' });

Deno.test("a large file is downloaded over several connections", async () => {
  // The first connection has to be slow. Otherwise it receives all bytes before another one starts.
  await using machine: TestMachine = new TestMachine(async (request, count) =>
    count === 1
      ? await halted(sendBytes(request, BYTES), 1_000, until(() => machine.ranges.length >= 4))
      : await whole(request, count)
  );
  await machine.download({ connections: 4, minPieceBytes: 5_000 });
  machine.assertWhole();
  assertEquals(machine.ranges[0], "all");
  assert(
    machine.ranges.slice(1).every((range) => /^bytes=\d+-\d*$/.test(range)),
    `${machine.ranges}`,
  );
  const last = machine.progress.findLast((progress) => progress.phase === "receive");
  assertEquals(last, { phase: "receive", bytes: BYTES.length, total: BYTES.length });
  const counts = machine.progress.flatMap((one) => one.phase === "receive" ? [one.bytes] : []);
  assertEquals(counts, counts.toSorted((a, b) => a - b));
});

/** Refuses a request, after what the other connections sent has been read on a busy machine too. */
async function refused(): Promise<Response> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  return new Response("no", { status: 403 });
}

Deno.test("each connection's region is resumed where it ended", async () => {
  await using machine: TestMachine = new TestMachine(async (request, count) =>
    count === 1
      ? await halted(sendBytes(request, BYTES), 7_000, until(() => machine.ranges.length >= 3))
      : count === 2
      ? await cutOff(sendBytes(request, BYTES), 3_000)
      : await refused()
  );
  const options = { connections: 3, minPieceBytes: 5_000 };
  const error = await machine.download(options).catch((error) => error);
  assertStringIncludes(String(error), "the server answered with status 403");
  const journal = JSON.parse(Deno.readTextFileSync(`${machine.path}.part.json`));
  assertEquals(journal.size, BYTES.length);
  assert(journal.done.length >= 2, JSON.stringify(journal));
  machine.ranges.length = 0;
  machine.handler = whole;
  await machine.download(options);
  machine.assertWhole();
  assert(!machine.ranges.includes("all"));
});

Deno.test("a server that stops accepting ranges still delivers the file", async () => {
  await using machine: TestMachine = new TestMachine((_request, count) => {
    const headers = { "accept-ranges": "bytes", "content-length": String(BYTES.length) };
    const answer = new Response(BYTES, { headers });
    return count === 1 ? halted(answer, 1_000, until(() => machine.ranges.length >= 2)) : answer;
  });
  await machine.download({ connections: 3, minPieceBytes: 5_000 });
  machine.assertWhole();
});

Deno.test("a server without ranges delivers the file over one connection", async () => {
  await using machine: TestMachine = new TestMachine((request) =>
    sendBytes(request, BYTES, { ranges: false })
  );
  await machine.download({ connections: 4, minPieceBytes: 5_000 });
  machine.assertWhole();
  assertEquals(machine.ranges, ["all"]);
});

Deno.test("without a checksum, only the same version of a file is resumed", async () => {
  const newer = BYTES.toReversed();
  await using machine: TestMachine = new TestMachine((request, count) =>
    count === 1
      ? cutOff(sendBytes(request, BYTES, { etag: '"1"' }), 20_000)
      : sendBytes(request, BYTES, { etag: '"1"' })
  );
  await machine.download(UNKNOWN);
  assertEquals(machine.ranges, ["all", 'bytes=20000- if "1"']);
  machine.assertWhole();

  Deno.removeSync(machine.path);
  machine.ranges.length = 0;
  machine.handler = (request, count) =>
    count === 1
      ? cutOff(sendBytes(request, BYTES, { etag: '"1"' }), 20_000)
      : sendBytes(request, newer, { etag: '"2"' });
  await machine.download(UNKNOWN);
  assertEquals(machine.ranges, ["all", 'bytes=20000- if "1"']);
  machine.assertWhole(newer);
});

Deno.test("a server that ignores If-Range is detected by the file's validator", async () => {
  const newer = BYTES.toReversed();
  await using machine: TestMachine = new TestMachine((request, count) => {
    if (count === 1) return cutOff(sendBytes(request, BYTES, { etag: '"1"' }), 20_000);
    const plain = new Request(request.url, {
      headers: { range: request.headers.get("range") ?? "" },
    });
    return sendBytes(plain, newer, { etag: '"2"' });
  });
  await machine.download(UNKNOWN);
  machine.assertWhole(newer);
});

Deno.test("without a checksum and a validator, a download restarts", async () => {
  await using machine: TestMachine = new TestMachine((request, count) => {
    const answer = sendBytes(request, BYTES);
    return count === 1 ? cutOff(answer, 20_000) : answer;
  });
  const cancel = new AbortController();
  const first = machine.download({
    ...UNKNOWN,
    retryMs: 60_000,
    signal: cancel.signal,
  }).catch((error) => error);
  await until(() => machine.names.includes("file.part.json"));
  cancel.abort();
  assertEquals((await first as ShimmyError).kind, "cancelled");
  await machine.download(UNKNOWN);
  assertEquals(machine.ranges, ["all", "all"]);
  machine.assertWhole();
});

Deno.test("a range that the server cannot satisfy restarts the download", async () => {
  await using machine: TestMachine = new TestMachine((request) =>
    request.headers.has("range") ? new Response(null, { status: 416 }) : sendBytes(request, BYTES)
  );
  Deno.writeFileSync(`${machine.path}.part`, BYTES.slice(0, 100));
  await machine.download();
  machine.assertWhole();
  assertEquals(machine.ranges, ["bytes=100-", "all"]);
});

Deno.test("an empty file and one of unknown length are downloaded", async () => {
  await using machine: TestMachine = new TestMachine(() => new Response(new Uint8Array()));
  await machine.download(UNKNOWN);
  machine.assertWhole(new Uint8Array());
  machine.handler = () =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(BYTES);
          controller.close();
        },
      }),
    );
  await machine.download(UNKNOWN);
  machine.assertWhole();
});

Deno.test("progress between failures resets the failure count", async () => {
  await using machine: TestMachine = new TestMachine((request, count) => {
    const answer = sendBytes(request, BYTES, { etag: '"1"' });
    return count <= 8 ? cutOff(answer, 1_000) : answer;
  });
  await machine.download();
  machine.assertWhole();
  assertEquals(machine.ranges.length, 9);
});

Deno.test("Retry-After delays the next attempt", async () => {
  await using machine: TestMachine = new TestMachine((request, count) =>
    count === 1
      ? new Response("busy", { status: 429, headers: { "retry-after": "0.2" } })
      : sendBytes(request, BYTES)
  );
  const began = performance.now();
  await machine.download();
  assert(performance.now() - began >= 190);
});

Deno.test("of two concurrent downloads, one waits and uses the other's file", async () => {
  const go = Promise.withResolvers<void>();
  await using machine: TestMachine = new TestMachine((request) =>
    halted(sendBytes(request, BYTES), 10, go.promise)
  );
  const lock = join(machine.folder, "lock");
  const first = machine.download({ lock });
  await until(() => machine.ranges.length === 1);
  const waiting = Promise.withResolvers<void>();
  const onProgress = ({ phase }: DownloadProgress) => phase === "wait" && waiting.resolve();
  const second = machine.download({ lock, onProgress });
  await waiting.promise;
  go.resolve();
  assertEquals(await Promise.all([first, second]), [true, false]);
  assertEquals(machine.ranges.length, 1);
  assertEquals(sha256(Deno.readFileSync(machine.path)), KNOWN.sha256);
});

Deno.test("a wait for another download can be cancelled", async () => {
  const go = Promise.withResolvers<void>();
  await using machine: TestMachine = new TestMachine((request) =>
    halted(sendBytes(request, BYTES), 10, go.promise)
  );
  const lock = join(machine.folder, "lock");
  const first = machine.download({ lock });
  await until(() => machine.ranges.length === 1);
  const cancel = new AbortController();
  const second = machine.download({
    lock,
    signal: cancel.signal,
    onProgress: () => cancel.abort(),
  });
  assertEquals((await second.catch((error) => error)).kind, "cancelled");
  go.resolve();
  assertEquals(await first, true);
  // The pending lock is acquired only now and then released.
  await new Promise((done) => setTimeout(done, 200));
});

Deno.test("redirects to local files and redirect loops are refused", async () => {
  await using machine: TestMachine = new TestMachine(() =>
    new Response(null, { status: 302, headers: { location: "file:///etc/hostname" } })
  );
  await assertRejects(() => request(machine.url, {}), Error, "unencrypted");
  machine.handler = () => new Response(null, { status: 307, headers: { location: machine.url } });
  await assertRejects(() => request(machine.url, {}), Error, "redirects too often");
});

Deno.test("free space is that of the file system of the path", async () => {
  const { state } = await Deno.permissions.query({ name: "sys", kind: "statfs" as "osRelease" })
    .catch(() => ({ state: "granted" as const }));
  const free = await freeSpace(join(Deno.cwd(), "not", "there", "yet"));
  if (state === "granted") assert(free !== null && free > 0, String(free));
  else assertEquals(free, null);
  await checkSpace("x", 1e15, () => Promise.resolve(null));
  await assertRejects(
    () => checkSpace("x", 3 * 1024 ** 3, () => Promise.resolve(2 * 1024 ** 3)),
    ShimmyError,
    "Not enough disk space: 3.00 GiB needed, 2.00 GiB free",
  );
});

/** Resolves when the condition holds; rejects after two seconds. */
async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    if (waited === 400) throw new Error("What was waited for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
