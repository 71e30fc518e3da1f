import { assertEquals, assertMatch } from "@std/assert";
import { projectorFile } from "../../../../tests/models/projector.ts";
import { Machine, model, sources } from "../../../../tests/models/machine.ts";

const posix = Deno.build.os !== "windows";

Deno.test({
  name:
    "in the Hugging Face cache, links to one blob are one model and the revision of main comes first",
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

Deno.test("environment variables select the Hugging Face cache", async () => {
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

Deno.test("~ and $HOME in the variables of other tools are the home folder", async () => {
  using machine = new Machine();
  const inside = "models--o--r/snapshots/1/m.gguf";
  machine.write(`home/hub/${inside}`, model(1));
  machine.write(`home/hf/hub/${inside}`, model(2));
  machine.write(`home/cache/huggingface/hub/${inside}`, model(3));
  ollama(machine, "home/store", "registry.ollama.ai/library/x/latest", [["model", "a", model(4)]]);
  const where = async (env: Record<string, string>) =>
    (await machine.discover({}, env)).models.map((entry) => entry.paths[0]);
  assertEquals(await where({ HF_HUB_CACHE: "~/hub" }), [machine.path("home/hub", inside)]);
  assertEquals(await where({ HF_HOME: "$HOME/hf" }), [machine.path("home/hf/hub", inside)]);
  assertEquals(await where({ XDG_CACHE_HOME: "${HOME}/cache" }), [
    machine.path("home/cache/huggingface/hub", inside),
  ]);
  const found = await machine.discover({}, { OLLAMA_MODELS: "~/store" });
  assertEquals(sources(found), [["x:latest", "ollama"]]);
});

Deno.test({
  name: "links to repositories, registries and tags are followed, loops of links end",
  ignore: !posix,
  async fn() {
    using machine = new Machine();
    const hub = "home/.cache/huggingface/hub";
    machine.write("disk/models--o--r/snapshots/111/m.gguf", model(1));
    machine.link(machine.path("disk/models--o--r"), `${hub}/models--o--r`);
    machine.link(machine.path(hub), `${hub}/models--o--loop`);
    machine.link("models--o--self", `${hub}/models--o--self`);
    const manifests = "home/.ollama/models/manifests";
    ollama(machine, "home/.ollama/models", "registry.ollama.ai/library/a/1b", [
      ["model", "a", model(2)],
    ]);
    machine.link("1b", `${manifests}/registry.ollama.ai/library/a/latest`);
    ollama(machine, "disk", "elsewhere/library/b/latest", []);
    machine.write(
      "disk/manifests/elsewhere/library/b/latest",
      machine.read(`${manifests}/registry.ollama.ai/library/a/1b`).replaceAll(
        "a".repeat(64),
        "b".repeat(64),
      ),
    );
    machine.write(`home/.ollama/models/blobs/sha256-${"b".repeat(64)}`, model(3));
    machine.link(machine.path("disk/manifests/elsewhere"), `${manifests}/registry.example`);
    machine.link(machine.path(manifests), `${manifests}/loop`);
    machine.link("latest", `${manifests}/registry.ollama.ai/library/self/latest`);
    const { models, skipped } = await machine.discover();
    assertEquals(models.map(({ name, aliases }) => [name, aliases]), [
      ["m", undefined],
      ["registry.example/library/b:latest", undefined],
      ["a:1b", ["a:latest"]],
    ]);
    assertEquals(skipped.map(({ reason }) => reason), ["is a link to itself"]);
  },
});

/** Writes a manifest of Ollama, and a blob for each layer with bytes. */
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

Deno.test("the projector of a manifest tells what it reads", async () => {
  using machine = new Machine();
  ollama(machine, "home/.ollama/models", "registry.ollama.ai/library/ear/latest", [
    ["model", "a", model(1)],
    ["projector", "b", projectorFile(64, ["audio"])],
  ]);
  ollama(machine, "home/.ollama/models", "registry.ollama.ai/library/text/latest", [
    ["model", "c", model(2)],
  ]);
  const { models, skipped } = await machine.discover();
  assertEquals(models.map(({ name, projectorReads }) => [name, projectorReads]), [
    ["ear:latest", ["audio"]],
    ["text:latest", undefined],
  ]);
  assertEquals(skipped, []);
});

Deno.test("Ollama's manifests are resolved to their blobs, with Ollama's names", async () => {
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

Deno.test("a variant of a model in Ollama's store is a model of its own with the same weights", async () => {
  using machine = new Machine();
  const store = "home/.ollama/models";
  const layer = (content: unknown) =>
    new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
  const library = "registry.ollama.ai/library";
  ollama(machine, store, `${library}/base/latest`, [["model", "a", model(1)]]);
  ollama(machine, store, `${library}/pirate/latest`, [
    ["model", "a"],
    ["system", "b", layer("Talk like a pirate.")],
    [
      "params",
      "c",
      layer({
        temperature: 0.5,
        top_k: -1,
        seed: 7,
        stop: ["ARR", ""],
        num_predict: 12,
        top_p: "high",
      }),
    ],
    [
      "messages",
      "d",
      layer([{ role: "user", content: "Ahoy" }, { role: "assistant", content: "Arr" }, {}]),
    ],
    ["template", "e", layer("{{ .Prompt }}")],
    ["license", "f", layer("Free.")],
  ]);
  ollama(machine, store, `${library}/pirate/copy`, [
    ["model", "a"],
    ["system", "b"],
    ["params", "c"],
    ["messages", "d"],
    ["template", "e"],
  ]);
  const { models } = await machine.discover();
  assertEquals(models.map(({ name, aliases }) => [name, aliases]), [
    ["base:latest", undefined],
    ["pirate:copy", ["pirate:latest"]],
  ]);
  const [base, pirate] = models;
  assertEquals(base?.settings, undefined);
  assertEquals(pirate?.paths, base?.paths);
  assertEquals(pirate?.settings, {
    system: "Talk like a pirate.",
    messages: [{ role: "user", content: "Ahoy" }, { role: "assistant", content: "Arr" }],
    stop: ["ARR"],
    maxTokens: 12,
    sampling: { temperature: 0.5, topK: -1, seed: 7 },
    chatTemplate: pirate!.chatTemplate!,
  });
  assertMatch(pirate!.chatTemplate!, /turn\.Prompt/);
});

Deno.test("broken manifests are reported and cannot name files outside of the store", async () => {
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
    "its manifest has no GGUF model",
    "its manifest has a malformed digest",
    "its manifest is too large",
    `its blob sha256-${"f".repeat(64)} is missing`,
  ]);
});

Deno.test("both of LM Studio's folders are scanned", async () => {
  using machine = new Machine();
  machine.write("home/.lmstudio/models/publisher/repo/new.gguf", model(1));
  machine.write("home/.cache/lm-studio/models/publisher/repo/old.gguf", model(2));
  assertEquals(sources(await machine.discover()), [["new", "lmstudio"], ["old", "lmstudio"]]);
});
