import { assertEquals } from "@std/assert";
import { readLoadLog } from "./load_log.ts";

const MIB = 2 ** 20;

const LOG = `
load_tensors: layer   0 assigned to device CPU, is_swa = 0
load_tensors: layer   1 assigned to device Vulkan0, is_swa = 0
load_tensors: layer   2 assigned to device Vulkan0, is_swa = 0
load_tensors: offloaded 2/3 layers to GPU
load_tensors:   CPU_Mapped model buffer size =     3.00 MiB
load_tensors:      Vulkan0 model buffer size =     5.50 MiB
llama_context: constructing llama_context
llama_context: Vulkan_Host  output buffer size =     0.25 MiB
llama_kv_cache: layer   0: dev = CPU
llama_kv_cache: layer   1: dev = Vulkan0
llama_kv_cache:        CPU KV buffer size =     0.00 MiB
llama_kv_cache: size =    2.00 MiB (  1024 cells,   2 layers,  1/1 seqs), K (f16):    1.00 MiB, V (f16):    1.00 MiB
sched_reserve:    Vulkan0 compute buffer size =     9.00 MiB
sched_reserve:    Vulkan0 compute buffer size =     7.00 MiB
sched_reserve: Vulkan_Host compute buffer size =     1.00 MiB
~llama_context:    Vulkan0 compute buffer size is   7.0000 MiB, matches expectation of   7.0000 MiB
`;

Deno.test("a log gives layers and buffers of each device", () => {
  assertEquals(readLoadLog(LOG).placement, [
    {
      device: "CPU",
      layers: 1,
      weightBytes: 3 * MIB,
      kvBytes: MIB,
      computeBytes: 1.25 * MIB,
    },
    {
      device: "Vulkan0",
      layers: 2,
      weightBytes: 5.5 * MIB,
      kvBytes: MIB,
      computeBytes: 7 * MIB,
    },
  ]);
});

Deno.test("weights that the CPU backend converts replace those of the mapped file", () => {
  const weights = (log: string) =>
    readLoadLog(log).placement.map(({ device, weightBytes }) => [device, weightBytes / MIB]);
  const mapped = `
load_tensors: layer   0 assigned to device CPU, is_swa = 0
load_tensors:   CPU_Mapped model buffer size =     4.00 MiB
`;
  const repacked = "load_tensors:   CPU_REPACK model buffer size =     3.00 MiB\n";
  const amx = "load_tensors:          AMX model buffer size =     2.00 MiB\n";
  assertEquals(weights(mapped + repacked), [["CPU", 4]]);
  assertEquals(weights(mapped + repacked + amx), [["CPU", 5]]);
  const context = "llama_context: constructing llama_context\n";
  assertEquals(weights(mapped + repacked + context + mapped + amx), [["CPU", 8]]);
});

Deno.test("a draft model adds buffers but no layers", () => {
  const draft = LOG.replaceAll("device CPU", "device Vulkan0");
  const [cpu, gpu] = readLoadLog(LOG + draft).placement;
  assertEquals([cpu!.layers, gpu!.layers], [1, 2]);
  assertEquals([cpu!.weightBytes, gpu!.weightBytes], [6 * MIB, 11 * MIB]);
  assertEquals(gpu!.computeBytes, 14 * MIB);
});

Deno.test("devices in split mode tensor each have a part of every layer", () => {
  const { placement, sharing, layerDevices } = readLoadLog(`
llama_prepare_model_devices: creating a Meta device with 2 devices
llama_prepare_model_devices: - device 0: CUDA0
llama_prepare_model_devices: - device 1: CUDA1
load_tensors: layer   0 assigned to device Meta(CUDA0,CUDA1), is_swa = 0
load_tensors: layer   1 assigned to device Meta(CUDA0,CUDA1), is_swa = 0
load_tensors:       Meta(CUDA0,CUDA1) model buffer size =     3.00 MiB
llama_kv_cache: layer   0: dev = Meta(CUDA0,CUDA1)
llama_kv_cache: size =    4.00 MiB (  1024 cells,   1 layers,  1/1 seqs), K (f16):    2.00 MiB, V (f16):    2.00 MiB
sched_reserve:     Meta(CUDA0,CUDA1) compute buffer size =     5.00 MiB
`);
  assertEquals(sharing, ["CUDA0", "CUDA1"]);
  assertEquals(layerDevices.size, 2);
  const part = { layers: 2, weightBytes: 3 * MIB, kvBytes: 2 * MIB, computeBytes: 5 * MIB };
  assertEquals(placement, sharing.map((device) => ({ device, ...part })));
});

Deno.test("the state of a recurrent model counts as KV cache", () => {
  const { placement } = readLoadLog(`
load_tensors: layer   0 assigned to device CUDA0, is_swa = 0
llama_memory_recurrent, layer   0: dev = CUDA0
llama_memory_recurrent: size =    3.00 MiB (     1 cells,   1 layers,  1 seqs  0 rs_seq), R (f32):    1.00 MiB, S (f32):    2.00 MiB, P (f32):    0.00 MiB
`);
  assertEquals(placement.map(({ kvBytes }) => kvBytes), [3 * MIB]);
});

Deno.test("an unrelated log gives no figures", () => {
  assertEquals(readLoadLog("something else\nsize = 5 MiB\n").placement, []);
});

Deno.test("buffers of RPC workers count for the devices of these workers", () => {
  const log = `
load_tensors: layer   0 assigned to device RPC0, is_swa = 0
load_tensors: layer   1 assigned to device RPC1, is_swa = 0
load_tensors:   CPU_Mapped model buffer size =     3.00 MiB
load_tensors: RPC0[127.0.0.1:5001] model buffer size =     5.00 MiB
load_tensors: RPC0[127.0.0.1:5002] model buffer size =     6.00 MiB
llama_context: constructing llama_context
llama_kv_cache: layer   0: dev = RPC0
llama_kv_cache: layer   1: dev = RPC1
llama_kv_cache: size =    2.00 MiB (  1024 cells,   2 layers,  1/1 seqs), K (f16):    1.00 MiB, V (f16):    1.00 MiB
sched_reserve: RPC0[127.0.0.1:5001] compute buffer size =     9.00 MiB
sched_reserve: RPC0[127.0.0.1:5002] compute buffer size =     7.00 MiB
`;
  const rpc = ["127.0.0.1:5001", "127.0.0.1:5002"]
    .map((address) => ({ endpoint: address, address, devices: 1 }));
  const parts = readLoadLog(log, rpc).placement.map((part) => [
    part.device,
    ...[part.layers, part.weightBytes / MIB, part.kvBytes / MIB, part.computeBytes / MIB],
  ]);
  assertEquals(parts, [
    ["RPC0", 1, 5, 1, 9],
    ["RPC1", 1, 6, 1, 7],
    ["CPU", 0, 3, 0, 0],
  ]);
});
