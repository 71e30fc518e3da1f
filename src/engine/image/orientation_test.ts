import { assertEquals } from "@std/assert";
import { exifData } from "../../../tests/support/exif.ts";
import { exifOrientation, uprightPixels } from "./orientation.ts";

Deno.test("the orientation is read in both byte orders", () => {
  for (const isLittle of [true, false]) {
    for (let orientation = 1; orientation <= 8; orientation++) {
      assertEquals(exifOrientation(exifData(orientation, isLittle)), orientation);
    }
  }
  assertEquals(exifOrientation(null), 1);
});

Deno.test("a damaged orientation is none", () => {
  const whole = exifData(6);
  for (let length = 0; length < whole.length - 6; length++) {
    assertEquals(exifOrientation(whole.slice(0, length)), 1, `${length} bytes`);
  }
  for (const value of [0, 9, 65535]) assertEquals(exifOrientation(exifData(value, false)), 1);
  const changed = (at: number, ...bytes: number[]) => {
    const copy = whole.slice();
    copy.set(bytes, at);
    return exifOrientation(copy);
  };
  assertEquals(changed(0, 0x58), 1, "another byte order");
  assertEquals(changed(4, 255, 255, 255, 255), 1, "a list outside of the data");
  assertEquals(changed(8, 255, 255), 6, "a list with a wrong count");
  assertEquals(changed(12 + 12, 4), 1, "a value of another type");
});

/** One row of characters for each row of pixels. */
async function shown(rows: readonly string[], orientation: number): Promise<string[]> {
  const width = rows[0]!.length;
  const data = new Uint8Array(
    [...rows.join("")].flatMap((one) => Array(3).fill(one.charCodeAt(0))),
  );
  const upright = await uprightPixels({ data, width, height: rows.length }, orientation);
  return Array.from({ length: upright.height }, (_, y) => {
    const row = upright.data.subarray(3 * y * upright.width, 3 * (y + 1) * upright.width);
    return String.fromCharCode(...row.filter((_, at) => at % 3 === 0));
  });
}

Deno.test("each orientation is shown upright", async () => {
  const upright = ["abc", "def"];
  // What a file holds of this picture, by the names of Exif for the place of its first row and column.
  const stored = [
    ["abc", "def"],
    ["cba", "fed"],
    ["fed", "cba"],
    ["def", "abc"],
    ["ad", "be", "cf"],
    ["cf", "be", "ad"],
    ["fc", "eb", "da"],
    ["da", "eb", "fc"],
  ];
  for (const [index, rows] of stored.entries()) {
    assertEquals(await shown(rows, index + 1), upright, `orientation ${index + 1}`);
  }
});

Deno.test("a large picture is copied in parts, between which other work runs", async () => {
  const [width, height] = [2048, 1200];
  const data = new Uint8Array(3 * width * height);
  data.set([1, 2, 3], 3 * (width * height - 1));
  let turns = 0;
  const other = setInterval(() => turns++, 0);
  const upright = await uprightPixels({ data, width, height }, 3);
  clearInterval(other);
  assertEquals([...upright.data.subarray(0, 4)], [1, 2, 3, 0]);
  assertEquals(turns > 0, true);
});
