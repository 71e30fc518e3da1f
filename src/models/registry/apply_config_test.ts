import { assertEquals, assertStringIncludes } from "@std/assert";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { projectorFile } from "../../../tests/models/projector.ts";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { type ConfiguredModel, type ModelConfig, withConfig } from "./apply_config.ts";
import type { ModelEntry } from "../entry/entry.ts";

const TINY = fileURLToPath(new URL("../../assets/tiny/shimmy-tiny.gguf", import.meta.url));

async function apply(found: readonly ModelEntry[], config: Partial<ModelConfig>) {
  const said: string[] = [];
  const discovery = { models: found, skipped: [], sources: [] };
  const all = { models: {}, aliases: {}, defaults: {}, ...config };
  const { models, skipped } = await withConfig(discovery, all, (line) => said.push(line));
  return { models, skipped, said };
}

function model(values: Partial<ConfiguredModel> = {}): ConfiguredModel {
  return { aliases: [], settings: {}, ...values };
}

const found = entryDouble("found", { aliases: ["old"] });
const other = entryDouble("other");

Deno.test("a model without settings stays as discovered", async () => {
  assertEquals((await apply([found, other], {})).models, [found, other]);
});

Deno.test("a discovered model gets settings and aliases, and comes first", async () => {
  const settings = { contextLength: 512 };
  const loras = [{ path: "/l.gguf", scale: 1 }];
  const projector = "/mmproj.gguf";
  // What another projector reads is not known of this one.
  const before = { ...found, projector: "/found.gguf", projectorReads: ["audio"] } as const;
  const { models } = await apply([other, before], {
    models: { found: model({ settings, loras, projector, aliases: ["new"] }) },
  });
  assertEquals(models, [
    { ...found, settings, loras, projector, aliases: ["old", "new"] },
    other,
  ]);
});

Deno.test("a configured projector tells what it reads before the model is loaded", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [projector, text] = ["audio.gguf", "text.gguf"].map((name) => join(folder, name));
    await Deno.writeFile(projector!, projectorFile(64, ["audio"]));
    await Deno.writeTextFile(text!, "no GGUF");
    const { models, said } = await apply([found], {
      models: { found: model({ projector: projector! }) },
    });
    assertEquals([models[0]!.projectorReads, said], [["audio"], []]);
    const broken = await apply([found], { models: { found: model({ projector: text! }) } });
    assertEquals(broken.said.length, 1);
    assertStringIncludes(
      broken.said[0]!,
      `models.found: mmproj: cannot use ${text} as a projector: `,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a discovered file with a configured name keeps its old name as an alias", async () => {
  const path = resolve(found.paths[0]!);
  const { models } = await apply([found], { models: { mine: model({ path }) } });
  assertEquals(models.map(({ name, aliases }) => [name, aliases]), [["mine", ["old", "found"]]]);
});

Deno.test("a configured file outside of all sources becomes a model", async () => {
  const { models } = await apply([], { models: { mine: model({ path: TINY }) } });
  const [mine] = models;
  assertEquals(
    [mine?.name, mine?.source, mine?.paths, mine?.aliases],
    ["mine", "config", [TINY], ["shimmy-tiny"]],
  );
});

Deno.test("one file may be two models with different settings", async () => {
  const config = {
    short: model({ path: TINY, settings: { contextLength: 256 } }),
    long: model({ path: TINY, settings: { contextLength: 1024 } }),
  };
  const { models } = await apply([], { models: config });
  assertEquals(models.map(({ name, settings }) => [name, settings?.contextLength]), [
    ["short", 256],
    ["long", 1024],
  ]);
});

Deno.test("missing models are logged and left out", async () => {
  const missing = resolve("/nowhere/x.gguf");
  const { models, skipped, said } = await apply([other], {
    models: { gone: model(), broken: model({ path: missing }) },
    aliases: { a: "nobody", other: "other" },
  });
  assertEquals(models, [other]);
  assertEquals(skipped.map(({ path }) => path), [missing]);
  assertEquals(said.length, 4);
  assertStringIncludes(said[0]!, "models.gone: no model has this name");
  assertStringIncludes(said[1]!, "models.broken: ");
  assertEquals(said[2], "aliases.a: no model 'nobody' was found");
  assertEquals(said[3], "aliases.other: is already the name of a model");
});

Deno.test("a configured alias is taken from other models", async () => {
  const { models } = await apply([found, other], { aliases: { old: "other" } });
  assertEquals(models.map(({ name, aliases }) => [name, aliases]), [
    ["found", []],
    ["other", ["old"]],
  ]);
});

Deno.test("sampling of a model overrides the global sampling", async () => {
  const { models } = await apply([found, other], {
    models: { found: model({ settings: { sampling: { temperature: 0 } } }) },
    defaults: { temperature: 1, topK: 5 },
  });
  assertEquals(models.map(({ settings }) => settings?.sampling), [
    { temperature: 0, topK: 5 },
    { temperature: 1, topK: 5 },
  ]);
});

Deno.test("reasoning sampling of a model overrides the global reasoning sampling", async () => {
  const { models } = await apply([found, other], {
    models: { found: model({ settings: { reasoningSampling: { temperature: 0 } } }) },
    reasoningDefaults: { temperature: 1, topK: 5 },
  });
  assertEquals(models.map(({ settings }) => settings), [
    { reasoningSampling: { temperature: 0, topK: 5 } },
    { reasoningSampling: { temperature: 1, topK: 5 } },
  ]);
});
