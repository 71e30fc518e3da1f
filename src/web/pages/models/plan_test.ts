import { assertEquals } from "@std/assert";
import { planMemory, type PlannedDevice } from "./plan.ts";

const DEVICE: PlannedDevice = {
  device: "CPU",
  layers: 4,
  weight_bytes: 30,
  kv_bytes: 10,
  compute_bytes: 5,
  cache_bytes: 100,
  memory_free: 80,
  memory_total: 200,
  memory_reserved: 15,
};

Deno.test("what is not free is in use, and cached states take at most the rest", () => {
  const { used, cache, reserved, total } = planMemory(DEVICE);
  assertEquals([used, cache, reserved, total], [120, 20, 15, 200]);
  assertEquals(planMemory({ ...DEVICE, cache_bytes: 8 }).cache, 8);
  assertEquals(planMemory({ ...DEVICE, weight_bytes: 500 }).cache, 0);
});
