import { assertEquals } from "@std/assert";
import { type IncrementalParser, Reader } from "./reader.ts";

/** Runs a parser on a text in pieces of one size. */
function feed<T>(text: string, size: number, parser: (reader: Reader) => IncrementalParser<T>): T {
  const reader = new Reader();
  const reading = parser(reader);
  let step = reading.next();
  for (let at = 0; at < text.length && !step.done; at += size) {
    reader.push(text.slice(at, at + size));
    step = reading.next();
  }
  reader.end();
  while (!step.done) step = reading.next();
  return step.value;
}

/** The result, which must be the same for all piece sizes. */
function always<T>(text: string, parser: (reader: Reader) => IncrementalParser<T>): T {
  const results = [1, 2, 3, 100].map((size) => feed(text, size, parser));
  for (const result of results) assertEquals(result, results[0]);
  return results[0]!;
}

Deno.test("text is passed on up to the first stop", () => {
  const result = always("a<b<tool>c</tool>", function* (reader) {
    const first = yield* reader.textUntil("<tool>", "</tool>");
    const second = yield* reader.textUntil("<tool>", "</tool>");
    return [first, second];
  });
  assertEquals(result, [{ text: "a<b", stop: "<tool>" }, { text: "c", stop: "</tool>" }]);
});

Deno.test("the earliest stop is found, and of two at one offset the longer", () => {
  const stops = ["```", "Go:```json", "```json"];
  const stopOf = (text: string) =>
    always(text, function* (reader) {
      return (yield* reader.textUntil(...stops)).stop;
    });
  assertEquals(stopOf("a Go:```json"), "Go:```json");
  assertEquals(stopOf("a ```json"), "```json");
  assertEquals(stopOf("a Go:```js"), "```");
});

Deno.test("a partial stop is emitted at the end", () => {
  const result = always("a<too", (reader) => reader.textUntil("<tool>"));
  assertEquals(result, { text: "a<too", stop: null });
});

Deno.test("only a possible start of a stop is held back", () => {
  const reader = new Reader();
  const pieces: string[] = [];
  const reading = reader.until(["<tool>"], (piece) => pieces.push(piece));
  reader.push("x <to");
  reading.next();
  assertEquals(pieces, ["x "]);
  reader.push("p");
  reading.next();
  assertEquals(pieces, ["x ", "<top"]);
});

Deno.test("the longest literal is consumed", () => {
  assertEquals(always("abcd", (reader) => reader.oneOf("ab", "abc", "x")), "abc");
  assertEquals(always("abx", (reader) => reader.oneOf("ab", "abc")), "ab");
  assertEquals(always("ab", (reader) => reader.oneOf("abc")), null);
});

Deno.test("the end of a JSON value is found", () => {
  for (
    const [text, value] of [
      ['{"a": "}\\"{", "b": [1, {}]} rest', '{"a": "}\\"{", "b": [1, {}]}'],
      ['"x, y" ,', '"x, y"'],
      ["-1.5e3, 2", "-1.5e3"],
      ["true}", "true"],
      ["null", "null"],
      ["[[], []]]", "[[], []]"],
    ] as const
  ) {
    assertEquals(always(text, (reader) => reader.jsonValue())?.text, value);
  }
});

Deno.test("a malformed JSON value is null", () => {
  assertEquals(always('{"a": ', (reader) => reader.jsonValue()), null);
  assertEquals(always("nope,", (reader) => reader.jsonValue()), null);
});

Deno.test("a recording has the consumed text", () => {
  const recording = always("  abc!", function* (reader) {
    reader.startRecording();
    yield* reader.space();
    yield* reader.run(/[a-b]/);
    return reader.stopRecording();
  });
  assertEquals(recording, "  ab");
});
