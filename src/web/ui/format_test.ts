import { assertEquals } from "@std/assert";
import { count, duration, rate, size } from "./format.ts";

Deno.test("sizes have binary units", () => {
  assertEquals(size(0), "0 B");
  assertEquals(size(1023), "1023 B");
  assertEquals(size(1536), "1.5 KiB");
  assertEquals(size(1.4 * 2 ** 30), "1.4 GiB");
  assertEquals(size(200 * 2 ** 20), "200 MiB");
});

Deno.test("counts have decimal units", () => {
  assertEquals(count(999), "999");
  assertEquals(count(1_500), "1.5 k");
  assertEquals(count(134_515_008), "135 M");
  assertEquals(count(8.03e9), "8.0 G");
});

Deno.test("time spans and rates are rounded", () => {
  assertEquals(duration(41.6), "42 ms");
  assertEquals(duration(1_240), "1.2 s");
  assertEquals(duration(185_000), "3 min 5 s");
  assertEquals(duration(7_260_000), "2 h 1 min");
  assertEquals(rate(41.26), "41.3 tokens/s");
  assertEquals(rate(241.6), "242 tokens/s");
});
