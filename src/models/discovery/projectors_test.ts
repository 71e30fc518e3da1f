import { assertEquals } from "@std/assert";
import { buildGguf, buildModel } from "../../../tests/models/build_gguf.ts";
import { Machine } from "../../../tests/models/machine.ts";

const model = (width = 64) => buildModel({ "llama.embedding_length": width });

function projector(width = 64): Uint8Array {
  return buildGguf({
    metadata: {
      "general.architecture": "clip",
      "general.type": "mmproj",
      "clip.vision.projection_dim": width,
    },
    tensors: [{ name: "a", shape: [8] }],
    weights: 32,
  });
}

/** The file names of the projectors of all models by name, for the files of folders. */
async function projectorsOf(
  files: Readonly<Record<string, Uint8Array>>,
): Promise<Record<string, string | null>> {
  using machine = new Machine();
  for (const [path, bytes] of Object.entries(files)) machine.write(`work/models/${path}`, bytes);
  const { models } = await machine.discover();
  const start = machine.path("work/models").length + 1;
  return Object.fromEntries(
    models.map((
      { name, projector },
    ) => [name, projector?.slice(start).replaceAll("\\", "/") ?? null]),
  );
}

Deno.test("a projector without a name belongs to the only model of its folder", async () => {
  assertEquals(
    await projectorsOf({
      "a/seer-Q4_K_M.gguf": model(),
      "a/seer-Q8_0.gguf": model(),
      "a/mmproj-F16.gguf": projector(),
      "b/seer-f16.gguf": model(),
      "b/mmproj-model-f16.gguf": projector(),
      "c/text.gguf": model(),
    }),
    {
      "seer-q4_k_m": "a/mmproj-F16.gguf",
      "seer-q8_0": "a/mmproj-F16.gguf",
      "seer-f16": "b/mmproj-model-f16.gguf",
      "text": null,
    },
  );
});

Deno.test("of several models in a folder, a projector belongs to those that it names", async () => {
  assertEquals(
    await projectorsOf({
      "seer-2b-Q4_K_M.gguf": model(),
      "text-7b.gguf": model(),
      "mmproj-seer-2b-f16.gguf": projector(),
      "other.gguf": model(),
      "other.mmproj-f16.gguf": projector(),
      "mmproj-F32.gguf": projector(),
    }),
    {
      "seer-2b-q4_k_m": "mmproj-seer-2b-f16.gguf",
      "text-7b": null,
      "other": "other.mmproj-f16.gguf",
    },
  );
});

Deno.test("a projector whose embeddings have another length belongs to no model", async () => {
  assertEquals(
    await projectorsOf({ "seer.gguf": model(64), "mmproj-F16.gguf": projector(32) }),
    { seer: null },
  );
});

Deno.test("of several projectors, the one in half precision is taken", async () => {
  const names = ["mmproj-F32.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-Q8_0.gguf"];
  assertEquals(
    await projectorsOf({
      "seer.gguf": model(),
      ...Object.fromEntries(names.map((name) => [name, projector()])),
    }),
    { seer: "mmproj-F16.gguf" },
  );
});
