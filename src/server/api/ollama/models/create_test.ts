import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { sha256 } from "../../../../../tests/doubles/hub.ts";
import { entryDouble } from "../../../../../tests/doubles/pool.ts";
import { serverDouble } from "../../../../../tests/doubles/server.ts";
import { model } from "../../../../../tests/models/machine.ts";
import { discover } from "../../../../models/discovery/discover.ts";
import { ollamaSources } from "../../../../models/discovery/sources/mod.ts";
import { createStore } from "../../../../models/pull/mod.ts";
import { visitIgnored } from "../../../schemas/mod.ts";
import { ollamaRoutes } from "../mod.ts";
import { createBody } from "../request/create_schema.ts";

const BYTES = model(1) as Uint8Array<ArrayBuffer>;
const DIGEST = `sha256:${sha256(BYTES)}`;

/** A server with one model, `double`, whose file lies outside of an empty store of Ollama. */
class Place implements Disposable {
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly file = join(this.folder, "double.gguf");
  readonly #env = (name: string) => name === "OLLAMA_MODELS" ? this.root : undefined;
  readonly store = createStore({
    env: this.#env,
    home: this.folder,
    cacheFolder: () => join(this.folder, "cache"),
  });
  readonly server = serverDouble({
    routes: ollamaRoutes,
    entry: { paths: [this.file] },
    context: { store: this.store },
  });

  constructor() {
    Deno.writeFileSync(this.file, BYTES);
  }

  get root(): string {
    return join(this.folder, "ollama");
  }

  /** Sends a request. @returns the status and the body. */
  async send(method: string, path: string, body: unknown): Promise<[number, string]> {
    const response = await this.server.send(method, path, body);
    return [response.status, await response.text()];
  }

  async upload(digest: string, bytes: Uint8Array<ArrayBuffer>): Promise<[number, string]> {
    const request = new Request(`http://localhost/api/blobs/${digest}`, {
      method: "POST",
      body: bytes,
    });
    const response = await this.server.handler(request);
    return [response.status, await response.text()];
  }

  /** The models that discovery finds in the store. */
  async models() {
    const environment = { env: this.#env, home: this.folder, cwd: "/", os: "linux" } as const;
    return (await discover(ollamaSources(environment))).models;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("a blob is stored once, and only with its digest", async () => {
  using place = new Place();
  const head = () => place.send("HEAD", `/api/blobs/${DIGEST}`, undefined);
  assertEquals((await head())[0], 404);
  const other = DIGEST.replace(/.$/, (digit) => digit === "0" ? "1" : "0");
  assertEquals(await place.upload(other, BYTES), [
    400,
    JSON.stringify({ error: `digest mismatch, expected "${other}", got "${DIGEST}"` }),
  ]);
  assertEquals([...Deno.readDirSync(join(place.root, ".shimmy"))], []);
  assertEquals(await place.upload(DIGEST, BYTES), [201, ""]);
  assertEquals(await place.upload(DIGEST, BYTES), [200, ""]);
  assertEquals(await head(), [200, ""]);
  const [status, text] = await place.upload("sha256:..%2F..%2Fx", BYTES);
  assertEquals(status, 400);
  assertStringIncludes(text, "invalid digest format");
});

Deno.test("a model is created from another one without copying its weights", async () => {
  using place = new Place();
  const body = {
    model: "brief",
    from: "double",
    system: "Be brief.",
    parameters: { temperature: 0.25, top_k: null },
    license: ["A", "B"],
  };
  const [status, text] = await place.send("POST", "/ollama/api/create", body);
  assertEquals(status, 200);
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line).status);
  assertEquals([lines[0], lines.at(-2), lines.at(-1)], [
    "gathering model components",
    "writing manifest",
    "success",
  ]);
  assert(lines.includes(`creating new layer ${DIGEST}`));
  const blob = join(place.root, "blobs", DIGEST.replace(":", "-"));
  assertEquals(Deno.statSync(blob).ino, Deno.statSync(place.file).ino);
  const [created] = await place.models();
  assertEquals([created!.name, created!.paths], ["brief:latest", [blob]]);
  const read = (path: string) => Deno.readTextFileSync(path);
  assertEquals(read(created!.ollama!.system!), "Be brief.");
  assertEquals(JSON.parse(read(created!.ollama!.params!)), { temperature: 0.25 });
  assertEquals(read(created!.ollama!.license!), "A\nB");
});

Deno.test("no field that a new model takes over is reported as ignored", () => {
  const ignored: string[] = [];
  const body = { from: "base", system: "S", template: "{{ .Prompt }}", messages: [] };
  visitIgnored(createBody, body, (path) => ignored.push(path.join(".")));
  assertEquals(ignored, []);
});

Deno.test("a model that is based on a created one inherits what it does not replace", async () => {
  using place = new Place();
  const first = { model: "one", from: "double", system: "S", parameters: { top_k: 5, top_p: 0.5 } };
  await place.send("POST", "/api/create", { ...first, stream: false });
  const [one] = await place.models();
  await place.store.create({ name: "two:v2", base: one!, parameters: { top_k: 7 } });
  const models = await place.models();
  assertEquals(models.map(({ name, settings }) => [name, settings]), [
    ["one:latest", { system: "S", sampling: { topK: 5, topP: 0.5 } }],
    ["two:v2", { system: "S", sampling: { topK: 7, topP: 0.5 } }],
  ]);
  assertEquals(models[0]!.paths, models[1]!.paths);
});

Deno.test("show tells what a created model adds to its file", async () => {
  using place = new Place();
  await place.store.create({
    name: "brief",
    base: place.server.entry,
    texts: { system: "Be brief.", license: "MIT", messages: '[{"role":"user","content":"Hi"}]' },
    parameters: { num_ctx: 64, stop: ["a", "b"] },
  });
  const [entry] = await place.models();
  assertEquals(entry!.settings, {
    system: "Be brief.",
    messages: [{ role: "user", content: "Hi" }],
    contextLength: 64,
    stop: ["a", "b"],
  });
  const { send } = serverDouble({ routes: ollamaRoutes, entry: { ...entry!, name: "double" } });
  const shown = await (await send("POST", "/api/show", { model: "double" })).json();
  assertEquals(shown.parameters.split(/ *\n/), [
    "num_ctx                        64",
    'stop                           "a"',
    'stop                           "b"',
  ]);
  assertEquals([shown.system, shown.license, shown.messages], [
    "Be brief.",
    "MIT",
    [{ role: "user", content: "Hi" }],
  ]);
  assertEquals(
    shown.modelfile,
    'FROM double:latest\nSYSTEM """Be brief."""\nPARAMETER num_ctx 64\nPARAMETER stop "a"\n' +
      'PARAMETER stop "b"\n',
  );
});

Deno.test("a model is created from an uploaded file, and deleted again", async () => {
  using place = new Place();
  await place.upload(DIGEST, BYTES);
  const body = { model: "up:v1", files: { "a.gguf": DIGEST }, stream: false };
  assertEquals(await place.send("POST", "/api/create", body), [200, '{"status":"success"}']);
  const [created] = await place.models();
  assertEquals(created!.name, "up:v1");
  const removal = await place.store.removal(created!, "up:v1");
  assertEquals(removal.owned, true);
  await removal.run();
  assertEquals(await place.models(), []);
});

Deno.test("a copy is another name for the same weights", async () => {
  using place = new Place();
  const body = { source: "double", destination: "ns/copy:v3" };
  assertEquals(await place.send("POST", "/api/copy", body), [200, ""]);
  assertEquals((await place.models()).map(({ name }) => name), ["ns/copy:v3"]);
  assertEquals(place.server.pool.rescans, 1);
});

const DRAFT = "is not supported: set a draft model when the server starts";

const REFUSED: readonly (readonly [path: string, body: object, status: number, error: string])[] = [
  ["/api/create", { model: "x" }, 400, "neither 'from' or 'files' was specified"],
  ["/api/create", { from: "double" }, 400, "model is required"],
  [
    "/api/create",
    { model: "a/b/c/d", from: "double" },
    400,
    "invalid model name: must be [namespace/]name[:tag]",
  ],
  [
    "/api/create",
    { model: "../x", from: "double" },
    400,
    "invalid model name: must be [namespace/]name[:tag]",
  ],
  ["/api/create", { model: "x", from: "none" }, 404, "model 'none' not found"],
  ["/api/create", { model: "x", files: {} }, 400, "files: no files provided"],
  [
    "/api/create",
    { model: "x", files: { a: DIGEST } },
    400,
    `files: blob "${DIGEST}" not found; upload it first`,
  ],
  [
    "/api/create",
    { model: "x", from: "double", quantize: "q4_0" },
    400,
    "quantize: is not supported: pull a model with the wanted quantization",
  ],
  ["/api/create", { model: "x", from: "double", draft_files: {} }, 400, `draft_files: ${DRAFT}`],
  [
    "/api/create",
    { model: "double", from: "double" },
    400,
    "model: 'double' is the name of a model outside of the store",
  ],
  [
    "/api/create",
    { model: "x", from: "double", parameters: { top_p: 3 } },
    400,
    "parameters.top_p: must be a number from 0 to 1",
  ],
  ["/api/copy", { source: "none", destination: "x" }, 404, "model 'none' not found"],
  ["/api/push", { model: "double" }, 501, "push is not supported: use Ollama to publish a model"],
];

for (const [path, body, status, error] of REFUSED) {
  Deno.test(`${path} refuses ${JSON.stringify(body)}`, async () => {
    using place = new Place();
    const [actual, text] = await place.send("POST", path, { ...body, stream: false });
    assertEquals([actual, JSON.parse(text)], [status, { error }]);
    assertEquals(await place.models(), []);
  });
}

Deno.test("a file that is not GGUF becomes no model", async () => {
  using place = new Place();
  const bytes = new TextEncoder().encode("no model");
  const digest = `sha256:${sha256(bytes)}`;
  await place.upload(digest, bytes);
  const body = { model: "x", files: { "x.gguf": digest }, stream: false };
  assertEquals(await place.send("POST", "/api/create", body), [
    400,
    JSON.stringify({ error: "files: supplied file was not in GGUF format" }),
  ]);
});

Deno.test("a model in shards is no base", async () => {
  using place = new Place();
  const entry = entryDouble("parts", { paths: ["a.gguf", "b.gguf"] });
  const error = await place.store.create({ name: "x", base: entry }).catch((thrown) => thrown);
  assertStringIncludes(error.message, "from: 'parts' is split into shards");
});

Deno.test("status says that nothing runs in Ollama's cloud", async () => {
  const { send } = serverDouble({ routes: ollamaRoutes });
  assertEquals((await (await send("GET", "/api/status")).json()).cloud.disabled, true);
});

Deno.test("tags lists a model of the store under each of its tags", async () => {
  const entry = { source: "ollama", name: "double:v1", aliases: ["other:v2", "nick"] } as const;
  const { send } = serverDouble({ routes: ollamaRoutes, entry });
  const { models } = await (await send("GET", "/api/tags")).json();
  assertEquals(models.map(({ name }: { name: string }) => name), ["double:v1", "other:v2"]);
});
