import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { parseSize } from "./size.ts";

Deno.test("sizes have decimal and binary units", () => {
  const sizes = ["0", "20GB", "20G", "20GiB", "1.5 mb", "1k", "2TB", "0B"];
  assertEquals(sizes.map((text) => parseSize(text, "x")), [
    0,
    20e9,
    20 * 2 ** 30,
    20 * 2 ** 30,
    1.5e6,
    1024,
    2e12,
    0,
  ]);
});

Deno.test("a size without a unit, a negative one and other text are errors", () => {
  for (const text of ["20", "-1GB", "GB", "20XB", "", "1e9"]) {
    assertThrows(
      () => parseSize(text, "--disk-cache"),
      ShimmyError,
      `--disk-cache: must be a size with a unit such as 20GB or 512MiB, or 0, not '${text}'`,
    );
  }
});
