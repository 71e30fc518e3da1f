import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { tinyModelBytes } from "../../assets/bytes.ts";
import { ShimmyError } from "../../errors.ts";
import { ASSET, type BuiltinAsset, builtinPath, builtinSource } from "./builtin.ts";
import { discover } from "./discover.ts";

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The built-in model in a bundle: bytes without a file. */
function bundled(): BuiltinAsset & { taken: number } {
  const source = {
    ...ASSET,
    taken: 0,
    path: () => null,
    bytes: () => {
      source.taken++;
      return tinyModelBytes();
    },
  };
  return source;
}

Deno.test("from source, the path of the built-in model is the asset itself", async () => {
  await withFolder(async (folder) => {
    const { models, skipped } = await discover([builtinSource(() => folder)]);
    assertEquals(skipped, []);
    assertEquals(models.length, 1);
    const { name, source, quantization, parameters, contextLength, kind } = models[0]!;
    assertEquals({ name, source, quantization, parameters, contextLength, kind }, {
      name: "shimmy-tiny",
      source: "builtin",
      quantization: "Q4_K_M",
      parameters: 2_623_744,
      contextLength: 1024,
      kind: "language",
    });
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  });
});

Deno.test("the asset is unpacked if its checksum is right, other bytes are refused", async () => {
  await withFolder(async (folder) => {
    const path = await builtinPath(() => folder, { ...ASSET, path: () => null });
    assertEquals(await Deno.readFile(path), await tinyModelBytes());
    const other = { ...ASSET, path: () => null, bytes: () => Promise.resolve(new Uint8Array(9)) };
    const empty = join(folder, "empty");
    await assertRejects(
      () => builtinPath(() => empty, other),
      ShimmyError,
      "its checksum is wrong",
    );
  });
});

Deno.test("the copy is written once, and again if it is damaged", async () => {
  await withFolder(async (folder) => {
    const source = bundled();
    const path = await builtinPath(() => folder, source);
    assertEquals(await builtinPath(() => folder, source), path);
    assertEquals(source.taken, 1);
    await Deno.truncate(path, 1000);
    await builtinPath(() => folder, source);
    assertEquals(source.taken, 2);
    assertEquals((await Deno.stat(path)).size, 1_667_712);
  });
});

Deno.test("two concurrent starts both get a complete copy and leave no temporary files", async () => {
  await withFolder(async (folder) => {
    const source = bundled();
    const paths = await Promise.all([
      builtinPath(() => folder, source),
      builtinPath(() => folder, source),
    ]);
    assertEquals(paths[0], paths[1]);
    const left = await Array.fromAsync(Deno.readDir(join(folder, "models")));
    assertEquals(left.length, 1);
  });
});

Deno.test("an unwritable cache folder is a warning, not a crash", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    const { models, skipped } = await discover([builtinSource(() => file, bundled())]);
    assertEquals(models, []);
    assertEquals(skipped.length, 1);
    assertEquals(skipped[0]?.path, "shimmy-tiny");
    assertEquals(skipped[0]?.kind, "broken");
  });
});
