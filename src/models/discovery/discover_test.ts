import { assertEquals, assertStringIncludes } from "@std/assert";
import { buildGguf, buildModel } from "../../../tests/models/build_gguf.ts";
import { Machine, model, names, sources } from "../../../tests/models/machine.ts";

const posix = Deno.build.os !== "windows";

Deno.test("the default folders are scanned in order, to a depth of four", async () => {
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
    found.sources.filter((source) => source.exists).map((source) => [source.path, source.models]),
    [
      [machine.path("work/models"), 1],
      [machine.path("home/models"), 1],
      [machine.path("home/.local/share/shimmy/models"), 1],
    ],
  );
});

Deno.test("the base model and its folder come first, without subfolders", async () => {
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
  assertEquals(found.sources[0]?.exists, false);
});

Deno.test("a list of model folders is relative to the working folder or the home folder", async () => {
  using machine = new Machine();
  machine.write("work/a/one.gguf", model(1));
  machine.write("home/b/two.gguf", model(2));
  machine.write("c/three.gguf", model(3));
  const found = await machine.discover({ modelDirs: [`a; ~/b;${machine.path("c")};`] });
  assertEquals(names(found), ["one", "two", "three"]);
});

Deno.test({
  name: "on POSIX a colon separates model folders too",
  ignore: !posix,
  async fn() {
    using machine = new Machine();
    machine.write("work/a/one.gguf", model(1));
    machine.write("work/b/two.gguf", model(2));
    assertEquals(names(await machine.discover({ modelDirs: ["a:b"] })), ["one", "two"]);
  },
});

Deno.test({
  name: "a colon is part of a folder name in a list with ';' and in repeated lists",
  ignore: !posix,
  async fn() {
    using machine = new Machine();
    machine.write("work/co:lon dir/one.gguf", model(1));
    machine.write("work/b/two.gguf", model(2));
    assertEquals(names(await machine.discover({ modelDirs: ["co:lon dir;"] })), ["one"]);
    assertEquals(names(await machine.discover({ modelDirs: ["co:lon dir", "b"] })), ["one", "two"]);
    assertEquals(names(await machine.discover({ modelDirs: ["co:lon dir"] })), []);
  },
});

Deno.test("~ in the path of the default model is the home folder", async () => {
  using machine = new Machine();
  machine.write("home/x/base.gguf", model(1));
  for (const base of ["~/x/base.gguf", "$HOME/x/base.gguf"]) {
    assertEquals(sources(await machine.discover({ base })), [["base", "base"]]);
  }
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

Deno.test("an incomplete shard set is skipped with the name of the missing shard", async () => {
  using machine = new Machine();
  machine.write("work/models/big-00001-of-00003.gguf", model(1));
  machine.write("work/models/big-00003-of-00003.gguf", model(3));
  const { models, skipped } = await machine.discover();
  assertEquals(models, []);
  assertEquals(skipped.map(({ kind, reason }) => ({ kind, reason })), [
    { kind: "shard", reason: "its shard big-00002-of-00003.gguf is missing" },
  ]);
});

Deno.test("shards are recognized by their metadata, whatever their names", async () => {
  using machine = new Machine();
  const shard = (number: number, count: number) =>
    buildModel({ "split.no": number, "split.count": count });
  machine.write("work/models/first.gguf", shard(0, 3));
  machine.write("work/models/sum-00001-of-00002.gguf", shard(0, 3));
  machine.write("work/models/sum-00002-of-00002.gguf", shard(1, 3));
  machine.write("work/models/order-00001-of-00002.gguf", shard(1, 2));
  machine.write("work/models/order-00002-of-00002.gguf", shard(0, 2));
  machine.write("work/models/mixed-00001-of-00002.gguf", shard(0, 2));
  machine.write("work/models/mixed-00002-of-00002.gguf", model());
  machine.write("work/models/whole-00001-of-00002.gguf", shard(0, 2));
  machine.write("work/models/whole-00002-of-00002.gguf", shard(1, 2));
  machine.write("work/models/single.gguf", shard(0, 1));
  const { models, skipped } = await machine.discover();
  assertEquals(models.map((entry) => entry.name), ["single", "whole"]);
  const reason = (found: string, count: string) =>
    `one of ${found} found; their names must be NAME-00001-of-0000${count}.gguf and so on`;
  assertEquals(skipped.map(({ name, kind, reason }) => [name, kind, reason]), [
    ["first", "shard", reason("3 shards, and 1 was", "3")],
    ["mixed", "shard", reason("1 shards, and 2 were", "1")],
    ["order", "shard", "its shard 1 contains shard 2"],
    ["sum", "shard", reason("3 shards, and 2 were", "3")],
  ]);
});

Deno.test("an empty chat template counts as none", async () => {
  using machine = new Machine();
  machine.write("work/models/a.gguf", buildModel({ "tokenizer.chat_template": "" }));
  machine.write("work/models/b.gguf", buildModel({ "tokenizer.chat_template": " \n" }));
  const { models } = await machine.discover();
  assertEquals(models.map((entry) => entry.chatTemplate), [null, null]);
});

Deno.test("a file that is not a model is reported with its kind", async () => {
  using machine = new Machine();
  const tensor = [{ name: "a", shape: [1] }];
  const write = (name: string, metadata: Record<string, string>, tensors = tensor) =>
    machine.write(
      `work/models/${name}.gguf`,
      buildGguf({ metadata, tensors, weights: 32 }),
    );
  write("adapter", { "general.architecture": "llama", "general.type": "adapter" });
  write("direction", { "general.architecture": "controlvector" });
  write("imatrix", { "general.type": "imatrix" });
  write("nameless", {});
  write("projector", { "general.architecture": "clip" });
  write("vocabulary", { "general.architecture": "llama" }, []);
  machine.write("work/models/page.gguf", "<html>");
  machine.write("work/models/works.gguf", model());
  const { models, skipped } = await machine.discover();
  assertEquals(models.map((entry) => entry.name), ["works"]);
  assertEquals(skipped.map(({ kind, reason }) => [kind, reason]), [
    ["adapter", "an adapter; use it with --lora"],
    ["adapter", "a control vector; use it with --lora"],
    ["other", "an importance matrix, not a model"],
    ["broken", "its metadata has no architecture"],
    ["broken", "not a GGUF file"],
    ["projector", "a projector, which models read images or audio with; not a model"],
    ["vocabulary", "a vocabulary without weights"],
  ]);
});

Deno.test("of two files with one name the first keeps it and the other gets its folder as qualifier", async () => {
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
      assertEquals(skipped.map(({ reason }) => reason), ["cannot be read (permission denied)"]);
    } finally {
      Deno.chmodSync(machine.path("work/models/closed"), 0o755);
    }
  },
});

Deno.test("an entry has the metadata of its header", async () => {
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

Deno.test("embedding and rerank models are distinguished from language models", async () => {
  using machine = new Machine();
  const write = (name: string, metadata: Record<string, string | number | boolean>) =>
    machine.write(`work/models/${name}.gguf`, buildModel(metadata));
  write("a", { "general.architecture": "nomic-bert" });
  write("b", { "general.architecture": "qwen3", "qwen3.pooling_type": 3 });
  write("c", { "general.architecture": "bert", "bert.pooling_type": 4 });
  write("d", { "general.architecture": "qwen3", "qwen3.pooling_type": 0 });
  write("e", { "general.architecture": "llama", "llama.attention.causal": false });
  const { models } = await machine.discover();
  assertEquals(models.map((entry) => entry.kind), [
    "embedding",
    "embedding",
    "rerank",
    "language",
    "embedding",
  ]);
});

Deno.test("without a file type, the type with most parameters is the quantization", async () => {
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
