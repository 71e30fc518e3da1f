import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { imageOfBase64, imageOfUrl, textWithImages } from "./images.ts";

Deno.test("the bytes of a data URL are decoded, whatever type it names", () => {
  for (const head of ["data:image/png;base64,", "data:;base64,", "DATA:image/x;a=b;BASE64,"]) {
    assertEquals(imageOfUrl(`${head}aGVsbG8=`, "url"), {
      type: "image",
      bytes: new TextEncoder().encode("hello"),
      field: "url",
    });
  }
});

Deno.test("base64 may have line breaks and no padding", () => {
  const { bytes } = imageOfBase64("aGVs\nbG8", "data");
  assertEquals(new TextDecoder().decode(bytes), "hello");
  assertEquals(bytes.buffer.byteLength, 5);
});

Deno.test("an image at a URL is left to be fetched", () => {
  for (const url of ["https://example.com/a.png", "HTTP://a/b"]) {
    assertEquals(imageOfUrl(url, "url"), { type: "remote", url, field: "url" });
    const { media } = textWithImages("x", [url], "images");
    assertEquals(media, [{ type: "remote", url, field: "images[0]" }]);
  }
});

Deno.test("other URLs and other text are refused with the field", () => {
  for (const url of ["file:///etc/passwd", "data:image/png,abc", "", "x"]) {
    assertThrows(
      () => imageOfUrl(url, "url"),
      ShimmyError,
      "url: must be a data: URL with base64, or one of http(s)",
    );
  }
  for (const data of ["", "?", "not base64!", "aGVs*bG8"]) {
    const error = assertThrows(() => imageOfBase64(data, "data"), ShimmyError);
    assertEquals([error.field, error.message], ["data", "data: must be an image in base64"]);
  }
});

Deno.test("a text of padding alone is refused without reading it again and again", () => {
  assertThrows(
    () => imageOfBase64(`${"=".repeat(1_000_000)}A`, "images[0]"),
    ShimmyError,
    "images[0]: must be an image in base64",
  );
});
