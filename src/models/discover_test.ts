import { assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { buildGguf, buildModel } from "../../tests/models/build_gguf.ts";
import type { Discovery, ModelSource } from "./entry.ts";
import { discover, type DiscoverOptions, placesOf } from "./discover.ts";

const HOME = "home";
const CWD = "work";
const posix = Deno.build.os !== "windows";

/** A machine in a temporary folder, with its own home and working folder. */
class Machine implements Disposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync());

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  write(path: string, content: string | Uint8Array): string {
    const full = this.path(path);
    Deno.mkdirSync(dirname(full), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(full, content);
    else Deno.writeFileSync(full, content);
    return full;
  }

  link(target: string, path: string): void {
    const full = this.path(path);
    Deno.mkdirSync(dirname(full), { recursive: true });
    Deno.symlinkSync(target, full);
  }

  /** What is found, without the built-in model that is always there. */
  async discover(
    options: Omit<DiscoverOptions, "cacheFolder"> = {},
    env: Record<string, string> = {},
  ): Promise<Discovery> {
    const places = placesOf({ ...options, cacheFolder: () => this.path("cache") }, {
      env: (name) => env[name],
      home: this.path(HOME),
      cwd: this.path(CWD),
      // The Linux service's store lies outside of the temporary folder.
      os: Deno.build.os === "linux" ? "darwin" : Deno.build.os,
    });
    const found = await discover(places.filter((place) => place.source !== "builtin"));
    return found;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** A model whose bytes differ from any other seed's. */
function model(seed = 0): Uint8Array {
  return buildModel({ "test.seed": seed });
}

function names(found: Discovery): string[] {
  return found.models.map((entry) => entry.name);
}

function sources(found: Discovery): [string, ModelSource][] {
  return found.models.map((entry) => [entry.name, entry.source]);
}

Deno.test("the customary folders are looked at in order, to a depth of four", async () => {
  using machine = new Machine();
  machine.write("work/models/One.gguf", model(1));
  machine.write("home/models/a/b/c/d/Two-Q4_K_M.GGUF", model(2));
  machine.write("home/models/a/b/c/d/e/too-deep.gguf", model(3));
  machine.write("home/.local/share/shimmy/models/three.gguf", model(4));
  machine.write("home/models/notes.txt", "no model");
  machine.write("home/models/.unfinished/half.gguf", model(5));
  const found = await machine.discover();
  assertEquals(names(found), ["one", "two-q4_k_m", "three"]);
  assertEquals(found.skipped, []);
  assertEquals(
    found.places.filter((place) => place.exists).map((place) => [place.path, place.models]),
    [
      [machine.path("work/models"), 1],
      [machine.path("home/models"), 1],
      [machine.path("home/.local/share/shimmy/models"), 1],
    ],
  );
});

Deno.test("the base model and its folder come first, without the folders beneath", async () => {
  using machine = new Machine();
  const base = machine.write("data/base.bin", model(1));
  machine.write("data/sibling.gguf", model(2));
  machine.write("data/below/other.gguf", model(3));
  machine.write("work/models/mine.gguf", model(4));
  const found = await machine.discover({ base });
  assertEquals(sources(found), [["base.bin", "base"], ["sibling", "folder"], ["mine", "folder"]]);
});

Deno.test("a base model that does not exist is reported", async () => {
  using machine = new Machine();
  const found = await machine.discover({ base: "no.gguf" });
  assertEquals(found.skipped, [
    { path: machine.path("work/no.gguf"), reason: "does not exist", kind: "broken" },
  ]);
  assertEquals(found.places[0]?.exists, false);
});

Deno.test("model folders come as a list, relative to the working folder or the home", async () => {
  using machine = new Machine();
  machine.write("work/a/one.gguf", model(1));
  machine.write("home/b/two.gguf", model(2));
  machine.write("c/three.gguf", model(3));
  const found = await machine.discover({ modelDirs: `a; ~/b;${machine.path("c")};` });
  assertEquals(names(found), ["one", "two", "three"]);
});

Deno.test({
  name: "on POSIX a colon separates model folders too",
  ignore: !posix,
  async fn() {
    using machine = new Machine();
    machine.write("work/a/one.gguf", model(1));
    machine.write("work/b/two.gguf", model(2));
    assertEquals(names(await machine.discover({ modelDirs: "a:b" })), ["one", "two"]);
  },
});

Deno.test("shards are one model with the sum of their sizes and parameters", async () => {
  using machine = new Machine();
  for (const number of [1, 2, 3]) {
    machine.write(`work/models/Big-Q8_0-0000${number}-of-00003.gguf`, model(number));
  }
  const { models, skipped } = await machine.discover();
  assertEquals(skipped, []);
  assertEquals(models.length, 1);
  const [big] = models;
  assertEquals(big?.name, "big-q8_0");
  assertEquals(
    big?.paths,
    [1, 2, 3].map((number) => machine.path(`work/models/Big-Q8_0-0000${number}-of-00003.gguf`)),
  );
  assertEquals(big?.parameters, 24);
  assertEquals(big?.size, 3 * model().length);
});

Deno.test("an incomplete set of shards is skipped, naming the missing one", async () => {
  using machine = new Machine();
  machine.write("work/models/big-00001-of-00003.gguf", model(1));
  machine.write("work/models/big-00003-of-00003.gguf", model(3));
  const { models, skipped } = await machine.discover();
  assertEquals(models, []);
  assertEquals(skipped.map(({ kind, reason }) => ({ kind, reason })), [
    { kind: "shard", reason: "its shard big-00002-of-00003.gguf is missing" },
  ]);
});

Deno.test("a file that is no model is reported as what it is", async () => {
  using machine = new Machine();
  const tensor = [{ name: "a", shape: [1] }];
  const write = (name: string, metadata: Record<string, string>, tensors = tensor) =>
    machine.write(
      `work/models/${name}.gguf`,
      buildGguf({ metadata, tensors, weights: 32 }),
    );
  write("adapter", { "general.architecture": "llama", "general.type": "adapter" });
  write("imatrix", { "general.type": "imatrix" });
  write("nameless", {});
  write("projector", { "general.architecture": "clip" });
  write("vocabulary", { "general.architecture": "llama" }, []);
  machine.write("work/models/page.gguf", "<html>");
  machine.write("work/models/works.gguf", model());
  const { models, skipped } = await machine.discover();
  assertEquals(models.map((entry) => entry.name), ["works"]);
  assertEquals(skipped.map(({ kind, reason }) => [kind, reason]), [
    ["adapter", "an adapter; --lora puts it on a model"],
    ["other", "an importance matrix for quantizing, not a model"],
    ["broken", "it names no architecture"],
    ["broken", "not a GGUF file"],
    ["projector", "a projector for images or sound, not a model of its own"],
    ["vocabulary", "a vocabulary without weights"],
  ]);
});

Deno.test("of two files with one name the first keeps it and the other adds its folder", async () => {
  using machine = new Machine();
  machine.write("work/models/same.gguf", model(1));
  machine.write("home/models/Copies/same.gguf", model(2));
  machine.write("home/models/other/copies/same.gguf", model(3));
  assertEquals(names(await machine.discover()), ["same", "same@copies", "same@copies-2"]);
});

Deno.test({
  name: "the same file is listed once, and another name for it is an alias",
  ignore: !posix,
  async fn() {
    using machine = new Machine();
    const path = machine.write("work/models/real.gguf", model());
    machine.link(path, "home/models/link.gguf");
    const { models } = await machine.discover();
    assertEquals(models.map(({ name, aliases }) => [name, aliases]), [["real", ["link"]]]);
  },
});

Deno.test({
  name: "loops of links end, and links that lead nowhere are reported",
  ignore: !posix,
  async fn() {
    using machine = new Machine();
    machine.write("work/models/deep/one.gguf", model());
    machine.link(machine.path("work/models"), "work/models/deep/loop");
    machine.link("nowhere", "work/models/dangling.gguf");
    machine.link("self.gguf", "work/models/self.gguf");
    const { models, skipped } = await machine.discover();
    assertEquals(models.map((entry) => entry.name), ["one"]);
    assertEquals(skipped.map(({ reason }) => reason), ["does not exist", "is a link to itself"]);
  },
});

Deno.test({
  name: "a folder that may not be read is reported and the others are not lost (root reads all)",
  ignore: !posix || Deno.uid() === 0,
  async fn() {
    using machine = new Machine();
    machine.write("work/models/closed/hidden.gguf", model(1));
    machine.write("work/models/open/seen.gguf", model(2));
    Deno.chmodSync(machine.path("work/models/closed"), 0);
    try {
      const { models, skipped } = await machine.discover();
      assertEquals(models.map((entry) => entry.name), ["seen"]);
      assertEquals(skipped.map(({ reason }) => reason), ["may not be read (permission denied)"]);
    } finally {
      Deno.chmodSync(machine.path("work/models/closed"), 0o755);
    }
  },
});

Deno.test({
  name:
    "in the Hugging Face cache, links to one blob are one model and main's revision comes first",
  ignore: !posix,
  async fn() {
    using machine = new Machine();
    const repository = "home/.cache/huggingface/hub/models--Owner--Repo-GGUF";
    const older = machine.write(`${repository}/blobs/aaa`, model(1));
    const newer = machine.write(`${repository}/blobs/bbb`, model(2));
    machine.link(older, `${repository}/snapshots/111/Model.Q4_0.gguf`);
    machine.link(newer, `${repository}/snapshots/222/Model.Q4_0.gguf`);
    machine.link(newer, `${repository}/snapshots/333/Model.Q4_0.gguf`);
    machine.write(`${repository}/refs/main`, "222\n");
    machine.write("home/.cache/huggingface/hub/datasets--x--y/snapshots/1/data.gguf", model(3));
    const { models } = await machine.discover();
    assertEquals(models.map(({ name, paths }) => [name, paths]), [
      ["model.q4_0", [machine.path(`${repository}/snapshots/222/Model.Q4_0.gguf`)]],
      ["model.q4_0@repo-gguf", [machine.path(`${repository}/snapshots/111/Model.Q4_0.gguf`)]],
    ]);
    assertEquals(models[0]?.source, "huggingface");
  },
});

Deno.test("the Hugging Face cache is where its environment says", async () => {
  using machine = new Machine();
  const inside = "models--o--r/snapshots/1/m.gguf";
  for (const folder of ["hub-cache", "hf-home/hub", "xdg/huggingface/hub"]) {
    machine.write(`${folder}/${inside}`, model());
  }
  const variables = {
    HF_HUB_CACHE: machine.path("hub-cache"),
    HF_HOME: machine.path("hf-home"),
    XDG_CACHE_HOME: machine.path("xdg"),
  };
  const where = async (env: Record<string, string>) =>
    (await machine.discover({}, env)).models.map((entry) => entry.paths[0]);
  assertEquals(await where(variables), [machine.path("hub-cache", inside)]);
  const { HF_HUB_CACHE: _, ...rest } = variables;
  assertEquals(await where(rest), [machine.path("hf-home/hub", inside)]);
  assertEquals(await where({ XDG_CACHE_HOME: variables.XDG_CACHE_HOME }), [
    machine.path("xdg/huggingface/hub", inside),
  ]);
});

/** Writes a manifest of Ollama's, and a blob for each of its layers that has bytes. */
function ollama(
  machine: Machine,
  store: string,
  manifest: string,
  layers: readonly [kind: string, digit: string, bytes?: Uint8Array][],
): void {
  for (const [, digit, bytes] of layers) {
    if (bytes !== undefined) machine.write(`${store}/blobs/sha256-${digit.repeat(64)}`, bytes);
  }
  machine.write(
    `${store}/manifests/${manifest}`,
    JSON.stringify({
      schemaVersion: 2,
      layers: layers.map(([kind, digit]) => ({
        mediaType: `application/vnd.ollama.image.${kind}`,
        digest: `sha256:${digit.repeat(64)}`,
      })),
    }),
  );
}

Deno.test("Ollama's manifests lead to their blobs, under Ollama's names", async () => {
  using machine = new Machine();
  const store = "home/.ollama/models";
  const blob = (digit: string) => machine.path(`${store}/blobs/sha256-${digit.repeat(64)}`);
  ollama(machine, store, "registry.ollama.ai/library/llama3/8b", [["model", "a", model(1)]]);
  ollama(machine, store, "registry.ollama.ai/library/llama3/latest", [["model", "a"]]);
  ollama(machine, store, "registry.ollama.ai/someone/tuned/latest", [
    ["model", "a"],
    ["adapter", "b", model(2)],
    ["template", "c", new Uint8Array(1)],
    ["params", "d", new Uint8Array(1)],
  ]);
  ollama(machine, store, "hf.co/Owner/Repo-GGUF/Q4_K_M", [["model", "e", model(3)]]);
  const { models, skipped } = await machine.discover();
  assertEquals(skipped, []);
  assertEquals(models.map(({ name, aliases }) => [name, aliases]), [
    ["hf.co/owner/repo-gguf:q4_k_m", undefined],
    ["llama3:8b", ["llama3:latest"]],
    ["someone/tuned:latest", undefined],
  ]);
  const tuned = models[2];
  assertEquals(tuned?.paths, [blob("a")]);
  assertEquals(tuned?.loras, [{ path: blob("b"), scale: 1 }]);
  assertEquals(tuned?.ollama, { template: blob("c"), params: blob("d") });
  assertEquals(tuned?.source, "ollama");
});

Deno.test("broken manifests are reported and never leave the store", async () => {
  using machine = new Machine();
  const store = "elsewhere";
  const library = "registry.ollama.ai/library";
  machine.write(`${store}/manifests/${library}/a/latest`, "{");
  machine.write(`${store}/manifests/${library}/b/latest`, "null");
  machine.write(
    `${store}/manifests/${library}/c/latest`,
    JSON.stringify({
      layers: [{
        mediaType: "application/vnd.ollama.image.model",
        digest: "sha256:../../../etc/passwd",
      }],
    }),
  );
  ollama(machine, store, `${library}/d/latest`, [["model", "f"]]);
  machine.write(`${store}/manifests/${library}/e/latest`, " ".repeat(1_048_577));
  const { models, skipped } = await machine.discover({}, { OLLAMA_MODELS: machine.path(store) });
  assertEquals(models, []);
  assertEquals(skipped.map(({ reason }) => reason), [
    "its manifest is not JSON",
    "its manifest names no GGUF model",
    "its manifest names a malformed digest",
    "its manifest is too long",
    "does not exist",
  ]);
});

Deno.test("both of LM Studio's folders are looked at", async () => {
  using machine = new Machine();
  machine.write("home/.lmstudio/models/publisher/repo/new.gguf", model(1));
  machine.write("home/.cache/lm-studio/models/publisher/repo/old.gguf", model(2));
  assertEquals(sources(await machine.discover()), [["new", "lmstudio"], ["old", "lmstudio"]]);
});

Deno.test("an entry says what its head says", async () => {
  using machine = new Machine();
  machine.write(
    "work/models/m.gguf",
    buildModel({
      "llama.context_length": 4096,
      "llama.embedding_length": 64,
      "tokenizer.chat_template": "{{ messages }}",
    }),
  );
  const [entry] = (await machine.discover()).models;
  const { modified, paths: _, ...rest } = entry!;
  assertEquals(rest, {
    name: "m",
    size: 352,
    source: "folder",
    architecture: "llama",
    quantization: "Q8_0",
    parameters: 8,
    contextLength: 4096,
    embeddingLength: 64,
    chatTemplate: "{{ messages }}",
    kind: "language",
    loras: [],
  });
  assertEquals(Math.abs(Date.now() - modified) < 60_000, true);
});

Deno.test("embedding and rerank models are told from language models", async () => {
  using machine = new Machine();
  const write = (name: string, metadata: Record<string, string | number>) =>
    machine.write(`work/models/${name}.gguf`, buildModel(metadata));
  write("a", { "general.architecture": "nomic-bert" });
  write("b", { "general.architecture": "qwen3", "qwen3.pooling_type": 3 });
  write("c", { "general.architecture": "bert", "bert.pooling_type": 4 });
  write("d", { "general.architecture": "qwen3", "qwen3.pooling_type": 0 });
  const { models } = await machine.discover();
  assertEquals(models.map((entry) => entry.kind), ["embedding", "embedding", "rerank", "language"]);
});

Deno.test("without a file type, the type of most parameters names the quantization", async () => {
  using machine = new Machine();
  machine.write(
    "work/models/m.gguf",
    buildGguf({
      metadata: { "general.architecture": "llama" },
      tensors: [{ name: "a", shape: [256], type: 0 }, { name: "b", shape: [512], type: 14 }],
      weights: 1024,
    }),
  );
  assertEquals((await machine.discover()).models[0]?.quantization, "Q6_K");
});

Deno.test("a hundred broken files are a hundred warnings", async () => {
  using machine = new Machine();
  for (let i = 0; i < 100; i++) {
    const bytes = model();
    machine.write(`work/models/${i}.gguf`, bytes.slice(0, 8 + i));
  }
  const { models, skipped } = await machine.discover();
  assertEquals(models, []);
  assertEquals(skipped.length, 100);
  for (const { reason } of skipped) assertStringIncludes(reason, "truncated");
});
