import {
  assert,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import {
  COMMIT,
  cutOff,
  halted,
  HubDouble,
  sendBytes,
  sha256,
} from "../../../tests/doubles/hub.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { ShimmyError } from "../../errors.ts";
import { createStore, missingBytes, type ModelStore, type PullEvent } from "./mod.ts";

const REPOSITORY = "models--Owner--Tiny-GGUF";
const BYTES = gguf(300_000);

/** Bytes that start like a model. */
function gguf(size: number): Uint8Array<ArrayBuffer> {
  const bytes = crypto.getRandomValues(new Uint8Array(Math.min(size, 65_536)));
  const whole = new Uint8Array(size);
  for (let at = 0; at < size; at += bytes.length) whole.set(bytes.subarray(0, size - at), at);
  whole.set(new TextEncoder().encode("GGUF"));
  return whole;
}

/** A machine with a hub to pull from. */
class TestMachine implements AsyncDisposable {
  readonly hub = new HubDouble();
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly env: Record<string, string> = this.hub.env(this.folder);
  readonly events: PullEvent[] = [];
  free: number | null = null;

  constructor() {
    this.hub.repositories.set("Owner/Tiny-GGUF", {
      files: {
        "README.md": new Uint8Array(9),
        "mmproj-F16.gguf": gguf(500),
        "tiny-Q4_K_M.gguf": BYTES,
        "tiny-Q8_0.gguf": gguf(1_000),
      },
    });
  }

  get store(): ModelStore {
    return createStore({
      env: (name) => this.env[name],
      home: this.env.HOME,
      cacheFolder: () => this.path("cache"),
      freeSpace: () => Promise.resolve(this.free),
    });
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** A path in the repository's cache folder. */
  cached(...parts: string[]): string {
    return this.path("hf", "hub", REPOSITORY, ...parts);
  }

  async pull(reference: string, signal?: AbortSignal, sha256: string | null = null) {
    const { store } = this;
    return await store.pull(await store.plan(reference, { sha256, signal }), {
      signal,
      retryMs: 1,
      onEvent: (event) => this.events.push(event),
    });
  }

  async failure(reference: string, sha256: string | null = null): Promise<ShimmyError> {
    const error = await this.pull(reference, undefined, sha256).then(() => null, (error) => error);
    assert(error instanceof ShimmyError, `${error}`);
    return error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Compares checksums: a diff of long arrays is unreadable and takes minutes. */
function assertHolds(path: string, bytes: Uint8Array): void {
  assertEquals(sha256(Deno.readFileSync(path)), sha256(bytes));
}

function list(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("a model from the hub is stored where Hugging Face's own tools find it", async () => {
  await using machine = new TestMachine();
  const model = await machine.pull("hf:Owner/Tiny-GGUF");
  const link = machine.cached("snapshots", COMMIT, "tiny-Q4_K_M.gguf");
  assertEquals(model, { name: "tiny-q4_k_m", paths: [link] });
  assertHolds(link, BYTES);
  assertEquals(list(machine.cached("blobs")), [sha256(BYTES)]);
  assertEquals(Deno.readTextFileSync(machine.cached("refs", "main")), COMMIT);
  assertEquals(list(machine.cached("snapshots", COMMIT)), ["tiny-Q4_K_M.gguf"]);
  if (Deno.build.os !== "windows") {
    assertEquals(Deno.readLinkSync(link), `../../blobs/${sha256(BYTES)}`);
  }
});

Deno.test("a branch, tag or commit has its own snapshot and a ref like the hub's tools write", async () => {
  await using machine = new TestMachine();
  const [branch, tagged] = ["2".repeat(40), "3".repeat(40)];
  const [newer, older] = [gguf(2_000), gguf(3_000)];
  const repository = machine.hub.repositories.get("Owner/Tiny-GGUF")!;
  machine.hub.repositories.set("Owner/Tiny-GGUF", {
    ...repository,
    revisions: {
      "feature/new": { commit: branch, files: { "tiny-Q4_K_M.gguf": newer } },
      "v1.0": { commit: tagged, files: { "sub/tiny-q8_0.gguf": older } },
    },
  });
  const main = await machine.pull("hf:Owner/Tiny-GGUF");
  const feature = await machine.pull("hf:Owner/Tiny-GGUF@feature%2Fnew");
  assertEquals(feature.paths, [machine.cached("snapshots", branch, "tiny-Q4_K_M.gguf")]);
  assertHolds(feature.paths[0]!, newer);
  assertHolds(main.paths[0]!, BYTES);
  const tag = await machine.pull("hf:Owner/Tiny-GGUF@v1.0:Q8_0");
  assertHolds(tag.paths[0]!, older);
  const commit = await machine.pull(`hf:Owner/Tiny-GGUF@${tagged}/sub/tiny-q8_0.gguf`);
  assertEquals(commit.paths, tag.paths);
  const refs = ["main", "feature/new", "v1.0"].map((name) =>
    Deno.readTextFileSync(machine.cached("refs", ...name.split("/")))
  );
  assertEquals(refs, [COMMIT, branch, tagged]);
  assertEquals(list(machine.cached("refs")), ["feature", "main", "v1.0"]);
  assertEquals(await machine.store.find("hf:Owner/Tiny-GGUF@feature%2Fnew"), feature);
  const error = await machine.failure("hf:Owner/Tiny-GGUF@v2");
  assertEquals([error.kind, error.message], [
    "not_found",
    "Owner/Tiny-GGUF has no branch, tag or commit 'v2' on the hub",
  ]);
  const missing = await machine.failure("hf:Owner/Tiny-GGUF@v1.0:F16");
  assertStringIncludes(
    missing.message,
    "from Owner/Tiny-GGUF@v1.0: no quantization F16; available: Q8_0",
  );
  // Removing the last file of a branch removes its ref.
  const entry = entryDouble("tiny", { paths: feature.paths, source: "huggingface" });
  await (await machine.store.removal(entry, "tiny")).run();
  assertEquals(list(machine.cached("refs")), ["main", "v1.0"]);
});

Deno.test("present files are not downloaded again, whichever tool wrote them", async () => {
  await using machine = new TestMachine();
  await machine.pull("hf:Owner/Tiny-GGUF:q4_k_m");
  const requests = machine.hub.fetched.length;
  const again = await machine.store.plan("hf:Owner/Tiny-GGUF");
  assertEquals(missingBytes(again), 0);
  await machine.pull("hf:Owner/Tiny-GGUF/tiny-Q4_K_M.gguf");
  assertEquals(machine.hub.fetched.length, requests);
  // Only a pulled reference is found without a request.
  const asked = machine.hub.asked.length;
  assertEquals((await machine.store.find("hf:Owner/Tiny-GGUF:q4_k_m"))?.name, "tiny-q4_k_m");
  assertEquals(await machine.store.find("hf:Owner/Other"), null);
  assertEquals(machine.hub.asked.length, asked);
  Deno.removeSync(machine.cached("blobs", sha256(BYTES)));
  assertEquals(await machine.store.find("hf:Owner/Tiny-GGUF:q4_k_m"), null);
});

Deno.test("the name of any shard pulls the whole set", async () => {
  await using machine = new TestMachine();
  const [first, second] = [gguf(2_000), gguf(3_000)];
  machine.hub.repositories.set("Owner/Tiny-GGUF", {
    files: {
      "Q4_0/m-00001-of-00002.gguf": first,
      "Q4_0/m-00002-of-00002.gguf": second,
      "Q8_0/m-00001-of-00002.gguf": gguf(10),
    },
  });
  const { name, paths } = await machine.pull("hf:Owner/Tiny-GGUF/Q4_0/m-00002-of-00002.gguf");
  assertEquals(name, "m");
  assertEquals(paths.map((path) => Deno.readFileSync(path)), [first, second]);
});

Deno.test("a token goes to the hub and not to the host it redirects to", async () => {
  await using machine = new TestMachine();
  const files = { "m-Q4_0.gguf": gguf(2_000) };
  machine.hub.repositories.set("Owner/Closed", { files, closed: "private", token: "hf_secret" });
  machine.env.HF_TOKEN = "hf_secret";
  await machine.pull("hf:Owner/Closed");
  assertEquals(new Set(machine.hub.asked.map((one) => one.authorization)).size, 1);
  assertEquals(machine.hub.asked[0]?.authorization, "Bearer hf_secret");
  assertEquals(machine.hub.fetched.map((one) => one.authorization), [null]);
});

Deno.test("the token of Hugging Face's login command is used", async () => {
  await using machine = new TestMachine();
  const files = { "m-Q4_0.gguf": gguf(2_000) };
  machine.hub.repositories.set("Owner/Closed", { files, closed: "gated", token: "hf_file" });
  Deno.mkdirSync(machine.path("hf"));
  Deno.writeTextFileSync(machine.path("hf", "token"), "hf_file\n");
  await machine.pull("hf:Owner/Closed");
});

Deno.test("errors for gated repositories say what to do and do not contain the token", async () => {
  await using machine = new TestMachine();
  const files = { "m-Q4_0.gguf": gguf(2_000) };
  machine.hub.repositories.set("Owner/Gated", { files, closed: "gated", token: "hf_good" });
  machine.hub.repositories.set("Owner/Private", { files, closed: "private", token: "hf_good" });
  const cases = [
    [
      undefined,
      "hf:Owner/Gated",
      /is gated: accept the licence on .*Owner\/Gated and set HF_TOKEN/,
    ],
    ["hf_bad", "hf:Owner/Gated", /HF_TOKEN's account has no access: accept the licence on/],
    [
      undefined,
      "hf:Owner/Private",
      /does not exist or is private; if your account .* set HF_TOKEN/,
    ],
    ["hf_bad", "hf:Owner/Private", /does not exist, or HF_TOKEN is not valid/],
    [undefined, "hf:Owner/Nothing", /does not exist or is private/],
  ] as const;
  for (const [token, reference, message] of cases) {
    if (token !== undefined) machine.env.HF_TOKEN = token;
    else delete machine.env.HF_TOKEN;
    const error = await machine.failure(reference);
    assertMatch(error.message, message);
    assertNotMatch(Deno.inspect(error), /hf_bad/);
  }
  assertEquals(machine.hub.fetched, []);
});

Deno.test("a refusal of another host is not explained as one of the hub", async () => {
  await using machine = new TestMachine();
  machine.hub.interfere = () => new Response("expired", { status: 403 });
  const error = await machine.failure("hf:Owner/Tiny-GGUF");
  assertEquals(
    error.message,
    "Cannot download tiny-Q4_K_M.gguf: the server answered with status 403",
  );
});

Deno.test("too little disk space is refused before the download, with needed and free bytes", async () => {
  await using machine = new TestMachine();
  machine.free = 200_000;
  const error = await machine.failure("hf:Owner/Tiny-GGUF");
  assertEquals(
    error.message,
    "Not enough disk space: 292.97 KiB needed, 195.31 KiB free",
  );
  assertEquals(machine.hub.fetched, []);
});

Deno.test("a cancelled pull resumes", async () => {
  await using machine = new TestMachine();
  const cancel = new AbortController();
  machine.hub.interfere = (request, count) => {
    if (count > 1) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    cancel.signal.addEventListener("abort", () => resolve());
    setTimeout(() => cancel.abort(), 100);
    return halted(sendBytes(request, BYTES), 100_000, promise);
  };
  const error = await machine.pull("hf:Owner/Tiny-GGUF", cancel.signal).catch((error) => error);
  assertEquals((error as ShimmyError).kind, "cancelled");
  assertEquals(list(machine.cached()), ["blobs"]);
  const { paths } = await machine.pull("hf:Owner/Tiny-GGUF");
  assertHolds(paths[0]!, BYTES);
  assertEquals(machine.hub.fetched.map(({ range }) => range), [null, "bytes=100000-"]);
  assertEquals(list(machine.cached("blobs")), [sha256(BYTES)]);
});

Deno.test("a wrong checksum leaves no model file", async () => {
  await using machine = new TestMachine();
  machine.hub.interfere = (request) =>
    sendBytes(request, BYTES.with(7, BYTES[7]! ^ 1), { etag: '"x"' });
  const error = await machine.failure("hf:Owner/Tiny-GGUF");
  assertStringIncludes(error.message, "tiny-Q4_K_M.gguf: its checksum is wrong");
  assertEquals(list(machine.cached("blobs")), []);
});

Deno.test("two concurrent pulls of a model download it once", async () => {
  await using machine = new TestMachine();
  machine.hub.interfere = async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return null;
  };
  const models = await Promise.all([
    machine.pull("hf:Owner/Tiny-GGUF"),
    machine.pull("hf:Owner/Tiny-GGUF:Q4_K_M"),
  ]);
  assertEquals(models[0], models[1]);
  assertHolds(models[0].paths[0]!, BYTES);
  assertEquals(machine.hub.fetched.length, 1);
  const waited = machine.events.filter((event) =>
    event.type === "file" && event.progress.phase === "wait"
  );
  assertEquals(waited.length, 1);
});

Deno.test("a model from Ollama's registry is stored completely before its manifest", async () => {
  await using machine = new TestMachine();
  const template = new TextEncoder().encode("{{ .Prompt }}");
  machine.hub.models.set("library/tiny:latest", {
    layers: [{ kind: "model", bytes: BYTES }, { kind: "template", bytes: template }],
  });
  const { name, paths } = await machine.pull("ollama:tiny");
  const store = machine.path("ollama");
  assertEquals(name, "tiny:latest");
  assertEquals(paths, [join(store, "blobs", `sha256-${sha256(BYTES)}`)]);
  assertHolds(paths[0]!, BYTES);
  const path = join(store, "manifests", "registry.ollama.ai", "library", "tiny", "latest");
  const manifest = JSON.parse(Deno.readTextFileSync(path));
  assertEquals(manifest.layers.length, 2);
  assertEquals(list(join(store, "blobs")).length, 3);
  // The model is the largest file and therefore the last.
  assertEquals(machine.hub.asked.at(-1)?.path.endsWith(sha256(BYTES)), true);
});

Deno.test("a missing model and one without weights are refused", async () => {
  await using machine = new TestMachine();
  machine.hub.models.set("library/words:latest", {
    layers: [{ kind: "license", bytes: new Uint8Array(5) }],
  });
  assertEquals(
    (await machine.failure("ollama:tiny:9b")).message,
    "ollama:tiny:9b does not exist in the registry registry.ollama.ai",
  );
  assertStringIncludes((await machine.failure("ollama:words")).message, "it has no GGUF model");
});

/** A server with one file. */
function files(handler: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("a file from a URL is stored in Shimmy's folder and its checksum is verified", async () => {
  await using machine = new TestMachine();
  await using server = files((request) => sendBytes(request, BYTES, { etag: '"1"' }));
  const url = `${server.url}/sub/Tiny.gguf?token=x`;
  const folder = machine.path("home", ".local", "share", "shimmy", "models");
  const wrong = await machine.failure(url, "0".repeat(64));
  assertStringIncludes(wrong.message, "its checksum is wrong");
  assertEquals(wrong.detail, `${server.url}/sub/Tiny.gguf`);
  const model = await machine.pull(url, undefined, sha256(BYTES));
  assertEquals(model, { name: "tiny", paths: [join(folder, "Tiny.gguf")] });
  assertHolds(model.paths[0]!, BYTES);
  assertEquals(missingBytes(await machine.store.plan(url)), 0);
  Deno.writeFileSync(join(folder, "Other.gguf"), BYTES);
  assertStringIncludes(
    (await machine.failure(`${server.url}/Other.gguf`)).message,
    "a file of that name exists from another source; remove it first",
  );
});

Deno.test("an HTML page instead of a file is refused", async () => {
  await using machine = new TestMachine();
  await using server = files(() => new Response("<html>Log in</html>"));
  const error = await machine.failure(`${server.url}/m.gguf`);
  assertEquals(error.message, "The file that the server sent as m.gguf is not a GGUF file");
  assertEquals(list(machine.path("home", ".local", "share", "shimmy", "models")), [".shimmy"]);
});

Deno.test("a file that changed between two attempts is downloaded from the start", async () => {
  await using machine = new TestMachine();
  const newer = gguf(200_000);
  let now = BYTES;
  const ranges: (string | null)[] = [];
  await using server = files((request) => {
    ranges.push(`${request.headers.get("range")} ${request.headers.get("if-range")}`);
    const answer = sendBytes(request, now, { etag: `"${now.length}"` });
    if (ranges.length !== 2) return answer;
    now = newer;
    return cutOff(answer, 50_000);
  });
  const { paths } = await machine.pull(`${server.url}/m.gguf`);
  assertHolds(paths[0]!, newer);
  assertEquals(ranges[0], "bytes=0-0 null");
  assertEquals(ranges[1], "null null");
  assertEquals(ranges[2], 'bytes=50000- "300000"');
});

Deno.test("errors distinguish private and missing files of a URL", async () => {
  await using machine = new TestMachine();
  for (const [status, reason] of [[403, "not public"], [404, "does not exist"]]) {
    await using server = files(() => new Response("no", { status: status as number }));
    assertStringIncludes((await machine.failure(`${server.url}/m.gguf`)).message, reason as string);
  }
});
