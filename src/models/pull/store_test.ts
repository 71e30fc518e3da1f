import { assertEquals, assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { COMMIT, halted, sendBytes, sha256 } from "../../../tests/doubles/hub.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import {
  assertHolds,
  BYTES,
  gguf,
  list,
  PullMachine,
} from "../../../tests/doubles/pull_machine.ts";
import type { ShimmyError } from "../../errors.ts";
import { missingBytes } from "./mod.ts";

Deno.test("a model from the hub is stored where Hugging Face's own tools find it", async () => {
  await using machine = new PullMachine();
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

Deno.test("the projector of a repository is pulled with its model, unless it is left out", async () => {
  await using machine = new PullMachine();
  machine.addSeer();
  const snapshot = () =>
    list(machine.path("hf", "hub", "models--Owner--Seer-GGUF", "snapshots", COMMIT));
  const { store } = machine;
  await store.pull(await store.plan("hf:Owner/Seer-GGUF", { withProjector: false }));
  assertEquals(snapshot(), ["seer-Q4_K_M.gguf"]);
  // A later pull brings what is missing.
  const plan = await store.plan("hf:Owner/Seer-GGUF");
  assertEquals(missingBytes(plan), 500);
  const model = await store.pull(plan);
  assertEquals([model.name, model.paths.length], ["seer-q4_k_m", 1]);
  assertEquals(snapshot(), ["mmproj-F16.gguf", "seer-Q4_K_M.gguf"]);
  assertEquals(await store.find("hf:Owner/Seer-GGUF"), model);
});

Deno.test("a branch, tag or commit has its own snapshot and a ref like the hub's tools write", async () => {
  await using machine = new PullMachine();
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

Deno.test("existing files of any tool are not downloaded again", async () => {
  await using machine = new PullMachine();
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

Deno.test("without the hub, files that another tool cached serve", async () => {
  await using machine = new PullMachine();
  const snapshot = machine.cached("snapshots", COMMIT);
  Deno.mkdirSync(snapshot, { recursive: true });
  Deno.mkdirSync(machine.cached("refs"));
  Deno.writeTextFileSync(machine.cached("refs", "main"), `${COMMIT}\n`);
  for (const name of ["tiny-Q8_0.gguf", "mmproj-F16.gguf"]) {
    Deno.writeFileSync(`${snapshot}/${name}`, BYTES);
  }
  const model = {
    name: "tiny-q8_0",
    paths: [machine.cached("snapshots", COMMIT, "tiny-Q8_0.gguf")],
  };
  const forms = ["", ":q8_0", "/tiny-Q8_0.gguf", "@main", `@${COMMIT}:Q8_0`];
  const references = forms.map((form) => `hf:Owner/Tiny-GGUF${form}`);
  for (const reference of references.slice(1, 3)) {
    assertEquals(await machine.store.find(reference), model);
  }
  // The hub has a better file.
  assertEquals(await machine.store.find(references[0]!), null);
  assertEquals(machine.hub.asked.length, 0);
  machine.env.HF_ENDPOINT = "http://127.0.0.1:9";
  for (const reference of references) assertEquals(await machine.pull(reference), model);
  const missing = await machine.failure("hf:Owner/Tiny-GGUF:Q4_0");
  assertStringIncludes(missing.message, "127.0.0.1:9 (HF_ENDPOINT)");
});

Deno.test("HF_HUB_OFFLINE forbids requests to the hub", async () => {
  await using machine = new PullMachine();
  const model = await machine.pull("hf:Owner/Tiny-GGUF");
  machine.env.HF_HUB_OFFLINE = "1";
  const asked = machine.hub.asked.length;
  assertEquals(await machine.pull("hf:Owner/Tiny-GGUF:Q4_K_M"), model);
  assertEquals(await machine.pull("hf:Owner/Tiny-GGUF@main"), model);
  const missing = await machine.failure("hf:Owner/Tiny-GGUF:Q8_0");
  assertEquals([missing.kind, missing.message], [
    "not_found",
    "Cannot pull hf:Owner/Tiny-GGUF:Q8_0: HF_HUB_OFFLINE is set and the cache does not have it",
  ]);
  assertEquals(machine.hub.asked.length, asked);
  // A blob that was removed leaves a link without a file.
  Deno.removeSync(machine.cached("blobs", sha256(BYTES)));
  assertEquals((await machine.failure("hf:Owner/Tiny-GGUF")).kind, "not_found");
  machine.env.HF_HUB_OFFLINE = "0";
  assertEquals(await machine.pull("hf:Owner/Tiny-GGUF"), model);
});

Deno.test("the name of any shard pulls the whole set", async () => {
  await using machine = new PullMachine();
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
  await using machine = new PullMachine();
  const files = { "m-Q4_0.gguf": gguf(2_000) };
  machine.hub.repositories.set("Owner/Closed", { files, closed: "private", token: "hf_secret" });
  machine.env.HF_TOKEN = "hf_secret";
  await machine.pull("hf:Owner/Closed");
  assertEquals(new Set(machine.hub.asked.map((one) => one.authorization)).size, 1);
  assertEquals(machine.hub.asked[0]?.authorization, "Bearer hf_secret");
  assertEquals(machine.hub.fetched.map((one) => one.authorization), [null]);
});

Deno.test("the token is read from the cache folder of the XDG specification", async () => {
  await using machine = new PullMachine();
  const files = { "m-Q4_0.gguf": gguf(2_000) };
  machine.hub.repositories.set("Owner/Closed", { files, closed: "gated", token: "hf_xdg" });
  delete machine.env.HF_HOME;
  machine.env.XDG_CACHE_HOME = machine.path("xdg");
  Deno.mkdirSync(machine.path("xdg", "huggingface"), { recursive: true });
  Deno.writeTextFileSync(machine.path("xdg", "huggingface", "token"), "hf_xdg\n");
  assertEquals((await machine.pull("hf:Owner/Closed")).name, "m-q4_0");
});

Deno.test("spaces around HF_ENDPOINT are ignored, and errors name it", async () => {
  await using machine = new PullMachine();
  machine.env.HF_ENDPOINT = ` ${machine.hub.url}/ `;
  assertEquals((await machine.pull("hf:Owner/Tiny-GGUF")).name, "tiny-q4_k_m");
  machine.env.HF_ENDPOINT = "http://127.0.0.1:9";
  const error = await machine.failure("hf:Owner/Other");
  assertStringIncludes(
    error.message,
    "Cannot get Owner/Other from 127.0.0.1:9 (HF_ENDPOINT): the connection ",
  );
  machine.env.HF_ENDPOINT = "hub.example";
  assertEquals(
    (await machine.failure("hf:Owner/Other")).message,
    "HF_ENDPOINT: must be a URL such as https://huggingface.co, not 'hub.example'",
  );
});

Deno.test("the token of Hugging Face's login command is used", async () => {
  await using machine = new PullMachine();
  const files = { "m-Q4_0.gguf": gguf(2_000) };
  machine.hub.repositories.set("Owner/Closed", { files, closed: "gated", token: "hf_file" });
  Deno.mkdirSync(machine.path("hf"));
  Deno.writeTextFileSync(machine.path("hf", "token"), "hf_file\n");
  await machine.pull("hf:Owner/Closed");
});

Deno.test("errors for gated repositories name the remedy and do not contain the token", async () => {
  await using machine = new PullMachine();
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
  await using machine = new PullMachine();
  machine.hub.interfere = () => new Response("expired", { status: 403 });
  const error = await machine.failure("hf:Owner/Tiny-GGUF");
  assertEquals(
    error.message,
    "Cannot download tiny-Q4_K_M.gguf: the server answered with status 403",
  );
});

Deno.test("too little disk space is refused before the download, with needed and free bytes", async () => {
  await using machine = new PullMachine();
  machine.free = 200_000;
  const error = await machine.failure("hf:Owner/Tiny-GGUF");
  assertEquals(
    error.message,
    "Not enough disk space: 292.97 KiB needed, 195.31 KiB free",
  );
  assertEquals(machine.hub.fetched, []);
});

Deno.test("a cancelled pull resumes", async () => {
  await using machine = new PullMachine();
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
  await using machine = new PullMachine();
  machine.hub.interfere = (request) =>
    sendBytes(request, BYTES.with(7, BYTES[7]! ^ 1), { etag: '"x"' });
  const error = await machine.failure("hf:Owner/Tiny-GGUF");
  assertStringIncludes(error.message, "tiny-Q4_K_M.gguf: its checksum is wrong");
  assertEquals(list(machine.cached("blobs")), []);
});

Deno.test("two concurrent pulls of a model download it once", async () => {
  await using machine = new PullMachine();
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
