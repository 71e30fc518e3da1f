import { assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";
import { Buffer } from "node:buffer";
import { ShimmyError } from "../../errors.ts";
import { bytesOfBase64 } from "./base64.ts";

const decode = (text: string) => bytesOfBase64(text, "data", "a file in base64");

/** Bytes that do not repeat with the slices. */
function bytesOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => at * 7 + (at >> 8) * 3);
}

Deno.test("base64 is decoded with and without padding, line breaks and the URL alphabet", () => {
  for (const length of [1, 2, 3, 4, 24_575, 24_576, 24_577, 100_000, 100_001]) {
    const bytes = bytesOf(length);
    const text = encodeBase64(bytes);
    const unpadded = text.replace(/=+$/, "");
    const texts = [
      text,
      unpadded,
      `${text}\r\n`,
      text.replace(/.{76}/g, "$&\r\n"),
      unpadded.replace(/.{7}/g, "$& "),
      ` \n${text}`,
      text.replaceAll("+", "-").replaceAll("/", "_"),
    ];
    for (const one of texts) assertEquals(decode(one), bytes);
  }
  assertEquals(decode("QUJD\n").buffer.byteLength, 3);
  for (const padded of ["QQ=\n=", "QQ===", "QQ= = ", "QQ==" + "\n".repeat(100)]) {
    assertEquals(decode(padded), new Uint8Array([65]), JSON.stringify(padded));
  }
});

Deno.test("text that is not base64 is refused wherever it is wrong", () => {
  const text = encodeBase64(bytesOf(100_000));
  const wrong = ["", " ", "=", "A===", "AA==AA==", "!", "é", "\ud800", "A\u0000AA"];
  for (const at of [0, 1, 32_767, 32_768, text.length - 4]) {
    for (const one of ["!", "=", "\u1234"]) {
      wrong.push(text.slice(0, at) + one + text.slice(at + 1));
    }
  }
  for (const one of wrong) {
    const error = assertThrows(() => decode(one), ShimmyError);
    assertEquals([error.kind, error.message], ["invalid", "data: must be a file in base64"]);
  }
});

/** Counts the characters of each text that the decoder of the platform gets while something runs. */
function countDecoded(run: () => void): number[] {
  const { from } = Buffer;
  const counts: number[] = [];
  const counting = (text: string, encoding: "base64") => {
    counts.push(text.length);
    return from(text, encoding);
  };
  Buffer.from = counting as typeof from;
  try {
    run();
  } finally {
    Buffer.from = from;
  }
  return counts;
}

Deno.test("the decoder of the platform gets short texts, and each character at most twice", () => {
  // Its time grows with the square of the length for most of these texts.
  const length = 4 * 2 ** 20;
  for (const one of ["AAAA", "!", "=", " ", "A ", "A\n", "AAAA\n", "A!", "\u1234", "A=", "=A"]) {
    const text = one.repeat(length / one.length);
    const counts = countDecoded(() => {
      try {
        decode(text);
      } catch {
        // Most are wrong.
      }
    });
    const longest = Math.max(0, ...counts);
    const sum = counts.reduce((total, count) => total + count, 0);
    assertLessOrEqual(longest, 2 ** 15 + 3, JSON.stringify(one));
    assertLessOrEqual(sum, 2 * length + 3, JSON.stringify(one));
  }
});
