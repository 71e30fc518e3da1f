import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { COMMIT, HubDouble, sha256 } from "../../../tests/doubles/hub.ts";
import { buildModel } from "../../../tests/models/build_gguf.ts";
import { model } from "../../../tests/models/machine.ts";
import { projectorFile } from "../../../tests/models/projector.ts";
import { ShimmyError } from "../../errors.ts";
import { discover, modelSources } from "../discovery/discover.ts";
import { capabilitiesOf } from "../entry/capabilities.ts";
import type { ModelEntry } from "../entry/entry.ts";
import { placeLink } from "./hub_cache.ts";
import { createStore, type Removal } from "./mod.ts";

/** A model with embeddings of 64 values, another one for each number. */
function seer(number: number): Uint8Array<ArrayBuffer> {
  return buildModel({ "llama.embedding_length": 64, "general.version": String(number) });
}

const posix = Deno.build.os !== "windows";

/** A machine with a hub and a registry that have real, tiny models. */
class TestMachine implements AsyncDisposable {
  readonly hub = new HubDouble();
  readonly folder = Deno.realPathSync(Deno.makeTempDirSync());
  readonly #env = this.hub.env(this.folder);
  readonly store = createStore({
    env: (name) => this.#env[name],
    home: this.#env.HOME,
    cacheFolder: () => join(this.folder, "cache"),
  });

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  async pull(reference: string): Promise<void> {
    await this.store.pull(await this.store.plan(reference));
  }

  async models(): Promise<readonly ModelEntry[]> {
    const sources = modelSources({ cacheFolder: () => this.path("cache") }, {
      env: (name) => this.#env[name],
      home: this.#env.HOME,
      cwd: this.folder,
      os: "darwin",
    });
    return (await discover(sources.filter(({ kind }) => kind !== "builtin"))).models;
  }

  async names(): Promise<string[]> {
    return (await this.models()).flatMap(({ name, aliases = [] }) => [name, ...aliases]).sort();
  }

  async removal(name: string): Promise<Removal> {
    const models = await this.models();
    const entry = models.find((one) => one.name === name || one.aliases?.includes(name));
    assert(entry !== undefined, `${name} is not among ${await this.names()}`);
    return await this.store.removal(entry, name);
  }

  /** Every file except Shimmy's own. */
  files(folder: string): string[] {
    const found: string[] = [];
    const enter = (at: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(this.path(at))) {
        if (isDirectory) enter(`${at}/${name}`);
        else if (!/\.lock$/.test(name)) found.push(`${at}/${name}`);
      }
    };
    enter(folder);
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("removing a variant in Ollama's store keeps the model it shares weights with", async () => {
  await using machine = new TestMachine();
  const weights = { kind: "model", bytes: model(1) as Uint8Array<ArrayBuffer> };
  const system = { kind: "system", bytes: new TextEncoder().encode("Be brief") };
  machine.hub.models.set("library/base:latest", { layers: [weights] });
  machine.hub.models.set("library/short:latest", { layers: [weights, system] });
  await machine.pull("ollama:base");
  await machine.pull("ollama:short");
  assertEquals(await machine.names(), ["base:latest", "short:latest"]);
  await (await machine.removal("short:latest")).run();
  assertEquals(await machine.names(), ["base:latest"]);
  await (await machine.removal("base:latest")).run();
  assertEquals(await machine.names(), []);
});

Deno.test("removing a model from the hub leaves no files", async () => {
  await using machine = new TestMachine();
  const bytes = model(1) as Uint8Array<ArrayBuffer>;
  machine.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": bytes } });
  await machine.pull("hf:o/r");
  assertEquals(await machine.names(), ["a-q4_0"]);
  const removal = await machine.removal("a-q4_0");
  assertEquals(removal.owned, true);
  assertEquals(removal.bytes >= bytes.length, true);
  await removal.run();
  assertEquals(await machine.names(), []);
  assertEquals(machine.files("hf"), []);
  assertEquals([...Deno.readDirSync(machine.path("hf", "hub"))].map(({ name }) => name), [
    ".locks",
  ]);
  assertEquals(machine.files("cache"), []);
  assertEquals(await machine.store.find("hf:o/r"), null);
});

Deno.test("a model is removed from every snapshot, other models stay", async () => {
  await using machine = new TestMachine();
  const [same, other] = [model(1), model(2)] as Uint8Array<ArrayBuffer>[];
  machine.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": same!, "b-Q8_0.gguf": other! } });
  await machine.pull("hf:o/r/a-Q4_0.gguf");
  await machine.pull("hf:o/r/b-Q8_0.gguf");
  const commit = "2".repeat(40);
  machine.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": same! }, commit });
  await machine.pull("hf:o/r/a-Q4_0.gguf");
  const removal = await machine.removal("a-q4_0");
  assertEquals([removal.owned, removal.files.length], [true, 3]);
  await removal.run();
  const repository = "hf/hub/models--o--r";
  assertEquals(machine.files(repository), [
    `${repository}/blobs/${sha256(other!)}`,
    `${repository}/snapshots/${COMMIT}/b-Q8_0.gguf`,
  ]);
});

Deno.test("the projector of a repository is removed with its last model", async () => {
  await using machine = new TestMachine();
  const [first, second, projector] = [seer(1), seer(2), projectorFile()];
  machine.hub.repositories.set("o/r", {
    files: { "a-Q4_0.gguf": first, "a-Q8_0.gguf": second, "mmproj-F16.gguf": projector },
  });
  await machine.pull("hf:o/r:Q4_0");
  await machine.pull("hf:o/r:Q8_0");
  const withProjector = (await machine.models()).filter((one) => one.projector !== undefined);
  assertEquals(withProjector.map(({ name }) => name), ["a-q4_0", "a-q8_0"]);
  await (await machine.removal("a-q4_0")).run();
  const repository = "hf/hub/models--o--r";
  assertEquals(machine.files(`${repository}/blobs`).length, 2);
  const removal = await machine.removal("a-q8_0");
  assertEquals([removal.owned, removal.files.length], [true, 4]);
  assertEquals(removal.bytes, second.length + projector.length);
  await removal.run();
  assertEquals(machine.files("hf"), []);
  assertEquals(machine.files("cache"), []);
});

Deno.test("a projector that another tool downloaded stays when Shimmy's model is removed", async () => {
  await using machine = new TestMachine();
  const projector = projectorFile();
  machine.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": seer(1) } });
  await machine.pull("hf:o/r");
  const link = machine.path(`hf/hub/models--o--r/snapshots/${COMMIT}/mmproj-F16.gguf`);
  Deno.writeFileSync(link, projector);
  const removal = await machine.removal("a-q4_0");
  assertEquals([removal.owned, removal.files.includes(link)], [true, false]);
  await removal.run();
  const repository = "hf/hub/models--o--r";
  assertEquals(machine.files("hf"), [
    `${repository}/refs/main`,
    `${repository}/snapshots/${COMMIT}/mmproj-F16.gguf`,
  ]);
});

Deno.test("a projector of Ollama's registry comes and goes with its model", async () => {
  await using machine = new TestMachine();
  const layers = [
    { kind: "model", bytes: seer(1) },
    { kind: "projector", bytes: projectorFile() },
  ];
  machine.hub.models.set("library/seer:latest", { layers });
  await machine.pull("ollama:seer");
  const [model] = await machine.models();
  assertEquals(model!.projector, model!.ollama?.projector);
  assertEquals(capabilitiesOf(model!).includes("vision"), true);
  await (await machine.removal("seer:latest")).run();
  assertEquals(machine.files("ollama"), []);
});

Deno.test("a model that another tool downloaded is not owned by Shimmy", async () => {
  await using machine = new TestMachine();
  const bytes = model(1) as Uint8Array<ArrayBuffer>;
  machine.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": bytes } });
  const repository = machine.path("hf/hub/models--o--r");
  Deno.mkdirSync(join(repository, "blobs"), { recursive: true });
  Deno.writeFileSync(join(repository, "blobs", sha256(bytes)), bytes);
  await machine.pull("hf:o/r");
  const removal = await machine.removal("a-q4_0");
  assertEquals(removal.owned, false);
  await removal.run();
  assertEquals(machine.files("hf"), []);
});

Deno.test("removing one of two tags with shared blobs keeps the other complete", async () => {
  await using machine = new TestMachine();
  const bytes = model(1) as Uint8Array<ArrayBuffer>;
  const license = new TextEncoder().encode("license");
  const weights = { kind: "model", bytes };
  machine.hub.models.set("library/tiny:1b", {
    layers: [weights, { kind: "license", bytes: license }],
  });
  machine.hub.models.set("library/tiny:latest", { layers: [weights] });
  await machine.pull("ollama:tiny:1b");
  await machine.pull("ollama:tiny");
  assertEquals(await machine.names(), ["tiny:1b", "tiny:latest"]);
  const removal = await machine.removal("tiny:1b");
  assertEquals([removal.owned, removal.files.length], [true, 2]);
  await removal.run();
  assertEquals(await machine.names(), ["tiny:latest"]);
  await (await machine.removal("tiny:latest")).run();
  assertEquals(machine.files("ollama"), []);
});

Deno.test("a tag pulled by Ollama is not owned by Shimmy, even if its weights are", async () => {
  await using machine = new TestMachine();
  const bytes = model(1) as Uint8Array<ArrayBuffer>;
  machine.hub.models.set("library/tiny:latest", { layers: [{ kind: "model", bytes }] });
  await machine.pull("ollama:tiny");
  const tags = machine.path("ollama/manifests/registry.ollama.ai/library/tiny");
  Deno.copyFileSync(join(tags, "latest"), join(tags, "other"));
  const removal = await machine.removal("tiny:other");
  assertEquals(removal.owned, false);
  assertEquals(removal.files, [join(tags, "other")]);
});

Deno.test("a file from a URL is owned by Shimmy, another file in the folder is not", async () => {
  await using machine = new TestMachine();
  const bytes = model(1) as Uint8Array<ArrayBuffer>;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(bytes),
  );
  try {
    await machine.pull(`http://127.0.0.1:${server.addr.port}/mine.gguf`);
  } finally {
    await server.shutdown();
  }
  const folder = machine.path("home/.local/share/shimmy/models");
  Deno.writeFileSync(join(folder, "other.gguf"), model(2));
  assertEquals((await machine.removal("other")).owned, false);
  const removal = await machine.removal("mine");
  assertEquals([removal.owned, removal.files], [true, [join(folder, "mine.gguf")]]);
  await removal.run();
  assertEquals(await machine.names(), ["other"]);
});

Deno.test("the list of pulled models agrees with the removal of each", async () => {
  await using machine = new TestMachine();
  const [first, second, third] = [1, 2, 3].map((seed) => model(seed) as Uint8Array<ArrayBuffer>);
  machine.hub.models.set("library/tiny:latest", { layers: [{ kind: "model", bytes: first! }] });
  machine.hub.repositories.set("o/r", { files: { "a-Q4_0.gguf": second! } });
  machine.hub.repositories.set("o/s", { files: { "b-Q4_0.gguf": third! } });
  assertEquals(await machine.store.pulled([entryDouble("double")]), new Set());
  const blobs = machine.path("hf/hub/models--o--s/blobs");
  Deno.mkdirSync(blobs, { recursive: true });
  // Another tool has downloaded it.
  Deno.writeFileSync(join(blobs, sha256(third!)), third!);
  for (const reference of ["ollama:tiny", "hf:o/r", "hf:o/s"]) await machine.pull(reference);
  const models = await machine.models();
  const owned = await Promise.all(models.map(async (entry) => {
    const removal = await machine.store.removal(entry, entry.name);
    return removal.owned ? [entry.name] : [];
  }));
  assertEquals(models.length, 3);
  assertEquals(await machine.store.pulled(models), new Set(owned.flat()));
  assertEquals(owned.flat().sort(), ["a-q4_0", "tiny:latest"]);
});

Deno.test("the built-in model cannot be removed", async () => {
  await using machine = new TestMachine();
  await assertRejects(
    () => machine.store.removal(entryDouble("shimmy-tiny", { source: "builtin" }), "shimmy-tiny"),
    ShimmyError,
    "Cannot remove shimmy-tiny: it is built in",
  );
});

Deno.test("where symbolic links are forbidden, a file is hard-linked or copied", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const blob = join(folder, "blobs", "1");
    Deno.mkdirSync(join(folder, "blobs"));
    Deno.writeFileSync(blob, new Uint8Array(5));
    const forbidden = () => Promise.reject(new Deno.errors.PermissionDenied("1314"));
    const hard = join(folder, "a", "hard");
    const linking = { symlink: forbidden, link: (from: string, to: string) => Deno.link(from, to) };
    assertEquals(await placeLink(blob, hard, linking), true);
    assertEquals(Deno.lstatSync(hard).isSymlink, false);
    if (posix) assertEquals(Deno.lstatSync(hard).ino, Deno.lstatSync(blob).ino);
    assertEquals(await placeLink(blob, hard, linking), false);
    const copy = join(folder, "b", "copy");
    assertEquals(await placeLink(blob, copy, { symlink: forbidden, link: forbidden }), true);
    assertEquals(Deno.readFileSync(copy).length, 5);
    // A newer blob replaces an older one.
    Deno.writeFileSync(blob, new Uint8Array(6));
    assertEquals(await placeLink(blob, copy, { symlink: forbidden, link: forbidden }), true);
    assertEquals(Deno.readFileSync(copy).length, 6);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
