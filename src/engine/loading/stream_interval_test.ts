import { assertEquals } from "@std/assert";
import { usualInterval } from "./stream_interval.ts";

Deno.test("the interval is longer where the model computes on all cores", () => {
  const onCpu = { layers: 24, offloadedLayers: 0 };
  assertEquals(usualInterval({ ...onCpu, threads: 8 }, 8), 32);
  assertEquals(usualInterval({ ...onCpu, threads: 7 }, 8), 16);
  assertEquals(usualInterval({ layers: 24, offloadedLayers: 24, threads: 8 }, 8), 32);
  assertEquals(usualInterval({ layers: 24, offloadedLayers: 25, threads: 8 }, 8), 16);
});
