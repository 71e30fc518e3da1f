import { assert, assertEquals, assertMatch } from "@std/assert";
import { halted, HubDouble, sendBytes, sha256 } from "../../../../../tests/doubles/hub.ts";
import { entryDouble } from "../../../../../tests/doubles/pool.ts";
import { serverDouble, type ServerDoubleOptions } from "../../../../../tests/doubles/server.ts";
import { until } from "../../../../../tests/doubles/context.ts";
import { model } from "../../../../../tests/models/machine.ts";
import { createStore } from "../../../../models/pull/mod.ts";
import { Activity, type ActivityEvent, type PullStatus } from "../../../activity/mod.ts";
import { pullAnswer } from "../response_schemas.ts";
import { ollamaRoutes } from "../mod.ts";

const BYTES = model(1) as Uint8Array<ArrayBuffer>;
const DIGEST = `sha256:${sha256(BYTES)}`;

/** A server that may pull `tiny` from a registry. */
class Place implements AsyncDisposable {
  readonly hub = new HubDouble();
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly #env = this.hub.env(this.folder);
  readonly store = createStore({
    env: (name) => this.#env[name],
    home: this.#env.HOME,
    cacheFolder: () => `${this.folder}/cache`,
  });

  constructor() {
    this.hub.models.set("library/tiny:latest", { layers: [{ kind: "model", bytes: BYTES }] });
    this.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": BYTES } });
  }

  get blob(): string {
    return `${this.folder}/ollama/blobs/${DIGEST.replace(":", "-")}`;
  }

  server(options: ServerDoubleOptions = {}) {
    return serverDouble({ routes: ollamaRoutes, context: { store: this.store }, ...options });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function linesOf(response: Response) {
  const lines = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const line of lines) if (!("error" in line)) pullAnswer.parse(line);
  return lines;
}

Deno.test("pull reports each file, checking and writing, and ends with success", async () => {
  await using place = new Place();
  const { send, pool } = place.server();
  const response = await send("POST", "/api/pull", { model: "tiny" });
  assertEquals(response.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
  const lines = await linesOf(response);
  assertEquals(lines[0], { status: "pulling manifest" });
  const total = BYTES.length;
  const about = { status: `pulling ${DIGEST.slice(7, 19)}`, digest: DIGEST, total };
  assertEquals(lines.filter(({ digest }) => digest === DIGEST).at(-1), {
    ...about,
    completed: total,
  });
  assertEquals(lines.slice(-3).map(({ status }) => status), [
    "verifying sha256 digest",
    "writing manifest",
    "success",
  ]);
  assertEquals(sha256(Deno.readFileSync(place.blob)), sha256(BYTES));
  assertEquals(pool.rescans, 1);
  const again = await linesOf(await send("POST", "/ollama/api/pull", { name: "tiny:latest" }));
  assertEquals(again.find(({ digest }) => digest === DIGEST), { ...about, completed: total });
  assertEquals(again.at(-1), { status: "success" });
});

Deno.test("those who watch the server see the progress of a pull and its end", async () => {
  await using place = new Place();
  const activity = new Activity();
  const ends: ActivityEvent[] = [];
  activity.listen((event) => {
    if (event.type === "pull") ends.push(event);
  });
  const { send } = place.server({ context: { store: place.store, activity } });
  const seen: PullStatus[] = [];
  place.hub.interfere = () => {
    seen.push(...activity.pulls);
    return null;
  };
  await linesOf(await send("POST", "/api/pull", { model: "tiny" }));
  assertEquals(seen[0], {
    ...{ model: "ollama:tiny:latest", status: "pulling manifest" },
    ...{ completed: 0, total: null },
  });
  assertEquals(activity.pulls, []);
  place.hub.interfere = () => new Response("no", { status: 403 });
  await linesOf(await send("POST", "/api/pull", { model: "hf:o/r" }));
  assertEquals(
    ends.map((event) => event.type === "pull" && [event.model, event.outcome]),
    [["ollama:tiny:latest", "done"], ["hf:o/r", "failed"]],
  );
});

Deno.test("without streaming pull answers when all is there; hf: pulls from the hub", async () => {
  await using place = new Place();
  const { send } = place.server();
  const response = await send("POST", "/api/pull", { model: "hf:o/r", stream: false });
  assertEquals(await response.json(), { status: "success" });
  assertEquals((await place.store.find("hf:o/r"))?.name, "a-q4_0");
});

Deno.test("a failed pull is reported before the stream or in its last line", async () => {
  await using place = new Place();
  const { send } = place.server();
  const missing = await send("POST", "/api/pull", { model: "none" });
  assertEquals(missing.status, 404);
  assertEquals(await missing.json(), {
    error: "ollama:none:latest does not exist in the registry registry.ollama.ai",
  });
  place.hub.interfere = () => new Response("no", { status: 403 });
  const lines = await linesOf(await send("POST", "/api/pull", { model: "tiny" }));
  assertMatch(
    lines.at(-1)!.error,
    /^Cannot download tiny:latest's \w+: the server answered with status 403$/,
  );
});

Deno.test("a server does not fetch URLs of clients", async () => {
  await using place = new Place();
  const { send } = place.server();
  for (const model of ["https://example.org/m.gguf", "10.0.0.1:80/a/b", "evil.example/a/b"]) {
    const response = await send("POST", "/api/pull", { model });
    assertEquals(response.status, 400);
    assertMatch((await response.json()).error, /^model: the server pulls only from registry/);
  }
  const insecure = await send("POST", "/api/pull", { model: "tiny", insecure: true });
  assertEquals(insecure.status, 400);
  assertEquals((await send("POST", "/api/pull", {})).status, 400);
});

Deno.test("a client that leaves ends the pull, and the next one goes on", async () => {
  await using place = new Place();
  const { send } = place.server();
  const gone = Promise.withResolvers<void>();
  place.hub.interfere = (request) =>
    request.url.includes(sha256(BYTES))
      ? halted(sendBytes(request, BYTES), 100, gone.promise)
      : null;
  const response = await send("POST", "/api/pull", { model: "tiny" });
  const reader = response.body!.getReader();
  await reader.read();
  const reading = (async () => {
    while (!(await reader.read()).done);
  })();
  await until(() => place.hub.fetched.some(({ path }) => path.includes(sha256(BYTES))));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await reader.cancel();
  await reading;
  gone.resolve();
  place.hub.interfere = () => null;
  assertEquals((await linesOf(await send("POST", "/api/pull", { model: "tiny" }))).at(-1), {
    status: "success",
  });
  assertEquals(place.hub.fetched.at(-1)?.range, "bytes=100-");
});

Deno.test("delete unloads and removes a model that Shimmy pulled, and nothing else", async () => {
  await using place = new Place();
  await place.store.pull(await place.store.plan("ollama:tiny"));
  const { send, pool, entry } = place.server({
    entry: { name: "tiny:latest", paths: [place.blob], source: "ollama" },
  });
  await pool.engine(entry);
  const response = await send("DELETE", "/api/delete", { model: "tiny" });
  assertEquals([response.status, await response.text()], [200, ""]);
  assertEquals(await Deno.stat(place.blob).catch(() => null), null);
  assertEquals(pool.state(entry).state, "unloaded");
  assertEquals(pool.rescans, 1);
  assertEquals((await send("DELETE", "/api/delete", { model: "other" })).status, 404);
});

Deno.test("delete refuses a model that Shimmy did not pull, and names the command that removes it", async () => {
  await using place = new Place();
  const path = `${place.folder}/mine.gguf`;
  Deno.writeFileSync(path, BYTES);
  const { send } = place.server({ entry: entryDouble("mine", { paths: [path] }) });
  const response = await send("DELETE", "/api/delete", { name: "mine" });
  assertEquals(response.status, 403);
  assertEquals(await response.json(), {
    error: "model: 'mine' was not pulled by Shimmy; shimmy rm --yes removes it anyway",
  });
  assert(Deno.statSync(path).isFile);
});

Deno.test("a server without a store reports that it cannot pull or delete", async () => {
  const { send } = serverDouble({ routes: ollamaRoutes });
  for (const [method, path] of [["POST", "/api/pull"], ["DELETE", "/api/delete"]] as const) {
    const response = await send(method, path, { model: "double" });
    assertEquals(response.status, 501);
    await response.body?.cancel();
  }
});
