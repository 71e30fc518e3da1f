import { assertEquals } from "@std/assert";
import { barOf } from "./parts.ts";

Deno.test("parts are shares of the device, in the order of memory", () => {
  const bar = barOf({ device: "GPU", weights: 20, kv: 10, compute: 5, used: 15, total: 100 });
  assertEquals(bar.parts.map(({ kind, share }) => [kind, share]), [
    ["used", 0.15],
    ["weights", 0.2],
    ["kv", 0.1],
    ["compute", 0.05],
  ]);
  assertEquals([bar.needed, bar.isOver], [35, false]);
});

Deno.test("parts of a device that is too small fill the bar", () => {
  const bar = barOf({ device: "GPU", weights: 150, kv: 50, compute: null, total: 100 });
  assertEquals(bar.parts.map(({ share }) => share), [0.75, 0.25]);
  assertEquals(bar.isOver, true);
});

Deno.test("cached states do not make a model too large", () => {
  assertEquals(
    barOf({ device: "CPU", weights: 60, kv: 0, compute: 0, cache: 80, total: 100 }).isOver,
    false,
  );
});

Deno.test("without a known size the model fills the bar", () => {
  const bar = barOf({ device: "CPU", weights: 3, kv: 1, compute: 0 });
  assertEquals(bar.parts.map(({ share }) => share), [0.75, 0.25]);
  assertEquals(bar.isOver, false);
});
