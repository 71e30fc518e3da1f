import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { entryDouble } from "../../../tests/doubles/pool.ts";
import { buildModel } from "../../../tests/models/build_gguf.ts";
import { projectorFile } from "../../../tests/models/projector.ts";
import { UsageError } from "../options/mod.ts";
import { namedProjector, withNamedProjector } from "./named_projector.ts";

const options = (mmproj: string | null, none = false) => ({ mmproj, "no-mmproj": none });

/** Calls a function with the path of a file. */
async function withFile(bytes: Uint8Array, use: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(join(folder, "p.gguf"), bytes);
    await use(join(folder, "p.gguf"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the projector of --mmproj belongs to the models with embeddings of its length", () =>
  withFile(projectorFile(), async (path) => {
    const globals = options(path);
    const named = await namedProjector(globals);
    assertEquals(named, { path, embeddingLength: 64, reads: undefined });
    const projectorOf = (changes: Parameters<typeof entryDouble>[1]) =>
      withNamedProjector(entryDouble("m", changes), globals, named).projector;
    assertEquals(projectorOf({ embeddingLength: 64 }), path);
    assertEquals(projectorOf({ embeddingLength: 64, projector: "own.gguf" }), path);
    assertEquals(projectorOf({ embeddingLength: 32, projector: "own.gguf" }), "own.gguf");
    assertEquals(projectorOf({ embeddingLength: 64, kind: "embedding" }), undefined);
  }));

Deno.test("a model with the projector of --mmproj reads what that has encoders for", async () => {
  const entry = entryDouble("m", {
    embeddingLength: 64,
    projector: "own.gguf",
    projectorReads: ["vision"],
  });
  for (const reads of [["vision", "audio"] as const, undefined]) {
    await withFile(projectorFile(64, reads), async (path) => {
      const named = await namedProjector(options(path));
      const given = withNamedProjector(entry, options(path), named);
      assertEquals([given.projector, given.projectorReads], [path, reads]);
    });
  }
});

Deno.test("--no-mmproj takes the projectors of all models, and that of --mmproj is not read", async () => {
  const globals = options("missing.gguf", true);
  assertEquals(await namedProjector(globals), null);
  const entry = entryDouble("m", { projector: "own.gguf", projectorReads: ["audio"] });
  const { projector, projectorReads } = withNamedProjector(entry, globals, null);
  assertEquals([projector, projectorReads], [undefined, undefined]);
  assertEquals(withNamedProjector(entry, options(null), null), entry);
});

Deno.test("a file of --mmproj that is not a projector is an error with its name and reason", () =>
  withFile(buildModel(), async (path) => {
    const refused = (path: string) =>
      assertRejects(() => namedProjector(options(path)), UsageError);
    assertEquals(
      (await refused(path)).message,
      "--mmproj: cannot use 'p.gguf': it is a model, not a projector",
    );
    assertEquals((await refused(`${path}-none`)).message.startsWith("--mmproj: cannot use"), true);
  }));
