import { assertEquals } from "@std/assert";
import { deviceBytes, type DeviceInfo, memoryNames, rpcBuffers } from "./placement.ts";

const device = (name: string, backend: string, description = ""): DeviceInfo => ({
  name,
  backend,
  description,
  kind: backend === "CPU" ? "cpu" : "gpu",
  memoryFree: 1,
  memoryTotal: 1,
});

Deno.test("buffers of RPC devices are counted at their worker, devices over all workers", () => {
  const workers = [
    { endpoint: "a:1", address: "10.0.0.1:1", devices: 2 },
    { endpoint: "b:1", address: "10.0.0.2:1", devices: 1 },
  ];
  assertEquals([...rpcBuffers(workers)], [
    ["RPC0[10.0.0.1:1]", "RPC0"],
    ["RPC1[10.0.0.1:1]", "RPC1"],
    ["RPC0[10.0.0.2:1]", "RPC2"],
  ]);
});

Deno.test("a worker's memory has one name for models that number its devices differently", () => {
  const both = [
    device("CPU", "CPU"),
    device("Vulkan0", "Vulkan"),
    device("RPC0", "RPC", "10.0.0.1:1"),
    device("RPC1", "RPC", "10.0.0.2:1"),
  ];
  const second = [device("CPU", "CPU"), device("RPC0", "RPC", "10.0.0.2:1")];
  assertEquals(memoryNames(both).get("Vulkan0"), "Vulkan0");
  assertEquals(memoryNames(both).get("RPC0"), "device 0 of 10.0.0.1:1");
  assertEquals(memoryNames(both).get("RPC1"), memoryNames(second).get("RPC0"));
  const part = { layers: 1, weightBytes: 5, kvBytes: 2, computeBytes: null };
  const placement = [{ device: "RPC0", ...part }, { device: "CPU", ...part }];
  assertEquals([...deviceBytes({ devices: second, placement })], [["device 0 of 10.0.0.2:1", 7]]);
});
