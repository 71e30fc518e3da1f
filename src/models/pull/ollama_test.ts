import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { sha256 } from "../../../tests/doubles/hub.ts";
import { assertHolds, BYTES, list, PullMachine } from "../../../tests/doubles/pull_machine.ts";

Deno.test("a model from Ollama's registry is stored completely before its manifest", async () => {
  await using machine = new PullMachine();
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

Deno.test("a model that Ollama pulled is found without a request, unless a file is missing", async () => {
  await using machine = new PullMachine();
  machine.hub.models.set("library/tiny:latest", { layers: [{ kind: "model", bytes: BYTES }] });
  const model = await machine.pull("ollama:tiny");
  // Ollama keeps no records of Shimmy.
  await Deno.remove(machine.path("cache"), { recursive: true });
  const asked = machine.hub.asked.length;
  assertEquals(await machine.store.find("ollama:library/tiny"), model);
  assertEquals(await machine.store.find("ollama:tiny:1b"), null);
  await Deno.remove(model.paths[0]!);
  assertEquals(await machine.store.find("ollama:tiny"), null);
  assertEquals(machine.hub.asked.length, asked);
});

Deno.test("a missing model and one without weights are refused", async () => {
  await using machine = new PullMachine();
  machine.hub.models.set("library/words:latest", {
    layers: [{ kind: "license", bytes: new Uint8Array(5) }],
  });
  assertEquals(
    (await machine.failure("ollama:tiny:9b")).message,
    "ollama:tiny:9b does not exist in the registry registry.ollama.ai",
  );
  assertStringIncludes((await machine.failure("ollama:words")).message, "it has no GGUF model");
});
