import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildGguf, buildModel } from "../../../tests/models/build_gguf.ts";
import { ShimmyError } from "../../errors.ts";
import { readHeader } from "./gguf.ts";

async function withFile(
  bytes: Uint8Array,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "x.gguf");
    await Deno.writeFile(path, bytes);
    await use(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Asserts that a file's header is refused with a reason. */
async function refused(bytes: Uint8Array, reason: string): Promise<void> {
  await withFile(bytes, async (path) => {
    const error = await assertRejects(() => readHeader(path), ShimmyError);
    assertEquals(error.message, reason);
    assertEquals(error.kind, "backend");
  });
}

/** A copy with some bytes replaced. */
function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

Deno.test("the header of the built-in model is read completely", async () => {
  const path = fileURLToPath(new URL("../../assets/tiny/shimmy-tiny.gguf", import.meta.url));
  const header = await readHeader(path);
  assertEquals(header.version, 3);
  assertEquals(header.tensors, 38);
  assertEquals(header.parameters, 2_623_744);
  assertEquals(header.size, 1_667_712);
  assertEquals(header.metadata.get("llama.context_length"), 1024);
  assertEquals(header.metadata.get("tokenizer.ggml.add_bos_token"), false);
  const template = header.metadata.get("tokenizer.chat_template");
  assert(typeof template === "string" && template.includes("<|im_start|>assistant"));
});

Deno.test("long arrays are skipped across window borders", async () => {
  const tokens = Array.from({ length: 150_000 }, (_, i) => `token ${i} ${"x".repeat(i % 40)}`);
  const bytes = buildModel({ "tokenizer.ggml.tokens": tokens, "after.the.tokens": "here" });
  assert(bytes.length > 4_000_000);
  await withFile(bytes, async (path) => {
    const header = await readHeader(path);
    assertEquals(header.metadata.get("tokenizer.ggml.tokens"), {
      elementType: "string",
      count: 150_000,
    });
    assertEquals(header.metadata.get("after.the.tokens"), "here");
    assertEquals(header.parameters, 8);
  });
});

Deno.test("a string above the size limit is skipped", async () => {
  await withFile(buildModel({ "a.book": "x".repeat(1_048_577), "b": 7 }), async (path) => {
    const { metadata } = await readHeader(path);
    assertEquals(metadata.has("a.book"), false);
    assertEquals(metadata.get("b"), 7);
  });
});

Deno.test("version 2 is read", async () => {
  await withFile(buildGguf({ version: 2, metadata: { k: "v" } }), async (path) => {
    assertEquals((await readHeader(path)).metadata.get("k"), "v");
  });
});

Deno.test("parameters are counted by tensor type", async () => {
  const bytes = buildGguf({
    tensors: [{ name: "a", shape: [256, 2], type: 12 }, {
      name: "b",
      shape: [256],
      offset: 288,
    }],
    weights: 288 + 1024,
  });
  await withFile(bytes, async (path) => {
    const { elements, parameters } = await readHeader(path);
    assertEquals([...elements], [[12, 512], [0, 256]]);
    assertEquals(parameters, 768);
  });
});

Deno.test("a file that is not GGUF is refused", async () => {
  await refused(new Uint8Array(0), "it is empty");
  await refused(new TextEncoder().encode("GG"), "not a GGUF file");
  await refused(new TextEncoder().encode("<html><body>Not Found"), "not a GGUF file");
});

Deno.test("versions and byte orders that libllama cannot read are refused", async () => {
  await refused(buildGguf({ version: 1 }), "GGUF version 1 is not supported (2 and 3 are)");
  await refused(buildGguf({ version: 4 }), "GGUF version 4 is not supported (2 and 3 are)");
  await refused(
    patched(buildGguf({}), 4, 0, 0, 0, 3),
    "it is big-endian, which is not supported",
  );
});

Deno.test("a header truncated at any offset is refused", async () => {
  const whole = buildGguf({
    metadata: { "general.architecture": "llama", list: ["a", "b"] },
    tensors: [{ name: "a", shape: [2] }],
    weights: 8,
  });
  // The last byte of the header belongs to the tensor's offset. Padding and weights follow it.
  const headLength = 4 + 4 + 16 + (8 + 20 + 4 + 8 + 5) + (8 + 4 + 4 + 12 + 18) +
    (8 + 1 + 4 + 8 + 4 + 8);
  for (let length = 8; length < headLength; length++) {
    await refused(
      whole.slice(0, length),
      `truncated: its header extends past the end of the file at ${length} bytes`,
    );
  }
});

Deno.test("truncated weights are refused with the actual and expected size", async () => {
  const bytes = buildGguf({ tensors: [{ name: "a", shape: [100] }], weights: 400 });
  await refused(
    bytes.slice(0, bytes.length - 1),
    `truncated: ${bytes.length - 1} of ${bytes.length} bytes`,
  );
});

Deno.test("malicious counts fail at once without allocating memory", async () => {
  const huge = [255, 255, 255, 255, 255, 255, 255, 127];
  const bytes = buildGguf({ metadata: { k: "value", l: ["a"] } });
  await refused(patched(bytes, 8, ...huge), "it has too many tensors (9223372036854776000)");
  await refused(patched(bytes, 16, ...huge), "it has too many metadata keys (9223372036854776000)");
  const key = 24;
  const past = `truncated: its header extends past the end of the file at ${bytes.length} bytes`;
  await refused(patched(bytes, key, ...huge), past);
  const value = key + 8 + 1 + 4;
  await refused(patched(bytes, value, ...huge), past);
  const list = value + 8 + 5 + 8 + 1 + 4;
  await refused(patched(bytes, list + 4, ...huge), past);
});

Deno.test("unknown types and shapes are refused by name", async () => {
  const bytes = buildGguf({ metadata: { k: "value" } });
  await refused(patched(bytes, 33, 99), "metadata key k has the unknown type 99");
  const list = buildGguf({ metadata: { k: ["a"] } });
  await refused(patched(list, 37, 9), "metadata key k is an array of the unsupported type 9");
  await refused(
    buildGguf({ tensors: [{ name: "a", shape: [1], type: 4 }] }),
    "tensor 0 has the unknown type 4",
  );
  await refused(
    buildGguf({ tensors: [{ name: "a", shape: [1, 1, 1, 1, 1] }] }),
    "tensor 0 has 5 dimensions",
  );
  await refused(
    buildGguf({ metadata: { "general.alignment": 12 } }),
    "general.alignment is not a power of 2",
  );
});

Deno.test("an unreadable path is refused with the reason", async () => {
  const folder = await Deno.makeTempDir({ suffix: ".gguf" });
  try {
    const isFolder = await assertRejects(() => readHeader(folder), ShimmyError);
    assertEquals(isFolder.message, "not a file");
    const missing = await assertRejects(() => readHeader(join(folder, "no.gguf")), ShimmyError);
    assertEquals(missing.message, "does not exist");
  } finally {
    await Deno.remove(folder);
  }
});
