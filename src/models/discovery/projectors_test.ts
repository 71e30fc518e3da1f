import { assert, assertEquals } from "@std/assert";
import { buildGguf, buildModel } from "../../../tests/models/build_gguf.ts";
import { Machine } from "../../../tests/models/machine.ts";
import { projectorFile } from "../../../tests/models/projector.ts";
import { isModel } from "./describe.ts";
import { describeFile } from "./describe_file.ts";

const model = (width = 64) => buildModel({ "llama.embedding_length": width });

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
      "a/mmproj-F16.gguf": projectorFile(),
      "b/seer-f16.gguf": model(),
      "b/mmproj-model-f16.gguf": projectorFile(),
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
      "mmproj-seer-2b-f16.gguf": projectorFile(),
      "other.gguf": model(),
      "other.mmproj-f16.gguf": projectorFile(),
      "mmproj-F32.gguf": projectorFile(),
    }),
    {
      "seer-2b-q4_k_m": "mmproj-seer-2b-f16.gguf",
      "text-7b": null,
      "other": "other.mmproj-f16.gguf",
    },
  );
});

Deno.test("a projector with the whole name of a model does not belong to one with a shorter name", async () => {
  assertEquals(
    await projectorsOf({
      "tiny.gguf": model(),
      "tiny-seer.gguf": model(),
      "mmproj-tiny-seer.gguf": projectorFile(),
    }),
    { "tiny": null, "tiny-seer": "mmproj-tiny-seer.gguf" },
  );
});

Deno.test("a projector whose embeddings have another length belongs to no model", async () => {
  assertEquals(
    await projectorsOf({ "seer.gguf": model(64), "mmproj-F16.gguf": projectorFile(32) }),
    { seer: null },
  );
});

Deno.test("the embeddings of an MLP projector are as long as its last layer's outputs", async () => {
  const llava = (outputs: number, metadata: Record<string, string> = {}) =>
    buildGguf({
      // CLIP's own projection, as the projectors of LLaVA 1.5 tell it, which have no general.type.
      metadata: {
        "general.architecture": "clip",
        "clip.vision.projection_dim": 768,
        ...metadata,
      },
      tensors: [{ name: "mm.2.weight", shape: [4, outputs] }],
      weights: 16 * outputs,
    });
  assertEquals(
    await projectorsOf({
      "a/ggml-model-q4_k.gguf": model(64),
      "a/mmproj-model-f16.gguf": llava(64),
      "b/other.gguf": model(64),
      "b/mmproj-model-f16.gguf": llava(32),
      "c/third.gguf": model(64),
      "c/mmproj-model-f16.gguf": llava(64, { "clip.projector_type": "ldp" }),
    }),
    { "ggml-model-q4_k": "a/mmproj-model-f16.gguf", other: null, third: null },
  );
});

Deno.test("of several projectors, the one in half precision is taken", async () => {
  const names = ["mmproj-F32.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf", "mmproj-Q8_0.gguf"];
  assertEquals(
    await projectorsOf({
      "seer.gguf": model(),
      ...Object.fromEntries(names.map((name) => [name, projectorFile()])),
    }),
    { seer: "mmproj-F16.gguf" },
  );
});

Deno.test("a model in the Hugging Face cache has the projector of its snapshot", async () => {
  using machine = new Machine();
  const repository = "home/.cache/huggingface/hub/models--o--seer";
  const file = (revision: string, path: string, bytes: Uint8Array) =>
    machine.write(`${repository}/snapshots/${revision}/${path}`, bytes);
  file("1", "seer-Q4_0.gguf", model());
  const first = file("1", "mmproj-F16.gguf", projectorFile());
  file("2", "Q8_0/seer-00001-of-00001.gguf", model());
  machine.link(first, `${repository}/snapshots/2/mmproj-F16.gguf`);
  const { models } = await machine.discover();
  assertEquals(models.map(({ projector }) => projector), [
    first,
    machine.path(repository, "snapshots", "2", "mmproj-F16.gguf"),
  ]);
});

Deno.test("a model in LM Studio's folder has the projector of its repository", async () => {
  using machine = new Machine();
  const folder = "home/.lmstudio/models/owner";
  machine.write(`${folder}/seer/seer-Q4_0.gguf`, model());
  const own = machine.write(`${folder}/seer/mmproj-model-f16.gguf`, projectorFile());
  machine.write(`${folder}/text/text-Q4_0.gguf`, model());
  const { models } = await machine.discover();
  assertEquals(models.map(({ name, projector }) => [name, projector]), [
    ["seer-q4_0", own],
    ["text-q4_0", undefined],
  ]);
});

Deno.test("the default model's file and any other have the projector beside them", async () => {
  using machine = new Machine();
  const path = machine.write("elsewhere/seer-Q4_0.gguf", model());
  const own = machine.write("elsewhere/mmproj-F16.gguf", projectorFile());
  const { models } = await machine.discover({ base: path });
  assertEquals(models[0]?.projector, own);
  const described = await describeFile(path, "path");
  assert(isModel(described));
  assertEquals(described.projector, own);
  machine.write("elsewhere/other.gguf", model());
  const ambiguous = await describeFile(path, "path");
  assert(isModel(ambiguous));
  assertEquals(ambiguous.projector, undefined);
});

Deno.test("a model reads what its projector has encoders for", async () => {
  using machine = new Machine();
  const reads = ["vision", "audio"] as const;
  const path = machine.write("work/models/seer.gguf", model());
  machine.write("work/models/mmproj-F16.gguf", projectorFile(64, reads));
  const { models } = await machine.discover();
  assertEquals(models[0]?.projectorReads, reads);
  const described = await describeFile(path, "path");
  assert(isModel(described));
  assertEquals(described.projectorReads, reads);
});
