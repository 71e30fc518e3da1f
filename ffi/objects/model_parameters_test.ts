import { assertEquals, assertThrows } from "@std/assert";
import { LLAMA_LOAD_MODE, LLAMA_SPLIT_MODE } from "../generated/enums.ts";
import { LlamaModelTensorBuftOverride } from "../generated/structs.ts";
import { openLibrary } from "../library/library.ts";
import { bytesAt, floatsAt, pointerAt, readCString } from "../memory/memory.ts";
import { modelParameters } from "./model_parameters.ts";
import { realLibraryFolder } from "../testing.ts";

const real = await realLibraryFolder();
const withLibrary = { ignore: real === null };
const CPU_ALONE = { gpuLayers: 0, devices: [] };

function addressesAt(value: bigint, length: number): BigUint64Array {
  const bytes = bytesAt(pointerAt(value)!, length * 8);
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, length);
}

Deno.test("unset options have the defaults of libllama", withLibrary, () => {
  using library = openLibrary(real!);
  const { parameters } = modelParameters(library, { gpuLayers: -1, devices: null });
  assertEquals(parameters.bytes, library.llama.llama_model_default_params());
});

Deno.test("every option is in the native struct", withLibrary, () => {
  using library = openLibrary(real!);
  const of = (changes: Partial<Parameters<typeof modelParameters>[1]>) =>
    modelParameters(library, { ...CPU_ALONE, ...changes });
  assertEquals(of({ gpuLayers: 7 }).parameters.n_gpu_layers, 7);
  for (
    const [mode, value] of [
      ["none", LLAMA_SPLIT_MODE.NONE],
      ["layer", LLAMA_SPLIT_MODE.LAYER],
      ["row", LLAMA_SPLIT_MODE.ROW],
      ["tensor", LLAMA_SPLIT_MODE.TENSOR],
    ] as const
  ) {
    assertEquals(of({ splitMode: mode }).parameters.split_mode, value);
  }
  assertEquals(of({ mainGpu: 2 }).parameters.main_gpu, 2);
  assertEquals(of({ vocabOnly: true }).parameters.vocab_only, true);
  const unallocated = of({ noAllocation: true }).parameters;
  assertEquals([unallocated.no_alloc, unallocated.load_mode], [true, LLAMA_LOAD_MODE.NONE]);
});

Deno.test(
  "proportions are an array with one value per possible device",
  withLibrary,
  () => {
    using library = openLibrary(real!);
    const { parameters, keepAlive } = modelParameters(library, {
      ...CPU_ALONE,
      tensorSplit: [3, 0.5],
    });
    const places = Number(library.llama.llama_max_devices());
    const split = floatsAt(pointerAt(parameters.tensor_split)!, places);
    assertEquals([...split], [3, 0.5, ...Array(places - 2).fill(0)]);
    assertEquals(Array.isArray(keepAlive), true);
    assertThrows(
      () => modelParameters(library, { ...CPU_ALONE, tensorSplit: Array(places + 1).fill(1) }),
      RangeError,
      "Cannot split a model",
    );
  },
);

Deno.test("lists of devices and overrides are null-terminated", withLibrary, () => {
  using library = openLibrary(real!);
  const [one, two] = [pointerAt(0x1000n)!, pointerAt(0x2000n)!];
  const { parameters, keepAlive } = modelParameters(library, {
    gpuLayers: 1,
    devices: [one, two],
    tensorOverrides: [{ pattern: "ffn", buffer: two }],
  });
  assertEquals([...addressesAt(parameters.devices, 3)], [0x1000n, 0x2000n, 0n]);
  const size = LlamaModelTensorBuftOverride.SIZE;
  const bytes = bytesAt(pointerAt(parameters.tensor_buft_overrides)!, 2 * size);
  const [first, last] = [0, 1].map((index) =>
    new LlamaModelTensorBuftOverride(bytes.subarray(index * size, (index + 1) * size))
  );
  assertEquals([readCString(pointerAt(first!.pattern)), first!.buft], ["ffn", 0x2000n]);
  assertEquals([last!.pattern, last!.buft], [0n, 0n]);
  assertEquals(Array.isArray(keepAlive), true);
});
