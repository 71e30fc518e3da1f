import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { SETTINGS } from "../../../../../tests/doubles/context.ts";
import { countingPreparer } from "../../../../../tests/doubles/preparer.ts";
import { messageOf, ShimmyError } from "../../../../errors.ts";
import { FrameReader } from "./frame_reader.ts";

/** Above the size from which another thread parses. */
const LARGE = 2 * 2 ** 20;

/** A reader, and what it passes on: values, or messages of errors. */
function readerDouble(parser = countingPreparer()) {
  const seen: unknown[] = [];
  let next = Promise.withResolvers<void>();
  const add = (value: unknown) => {
    seen.push(value);
    next.resolve();
    next = Promise.withResolvers();
  };
  const reader = new FrameReader({ parser, settings: { ...SETTINGS, maxBodyBytes: LARGE } }, {
    value: add,
    error(error) {
      assertInstanceOf(error, ShimmyError);
      add(messageOf(error));
    },
  });
  /** Resolves when this number of frames were passed on. */
  const until = async (count: number) => {
    while (seen.length < count) await next.promise;
  };
  return { reader, seen, until };
}

Deno.test("a short frame is passed on at once", () => {
  const { reader, seen } = readerDouble();
  reader.read('{"a":-0}');
  reader.read("{");
  assertEquals(seen, [{ a: 0 }, "frame: must be JSON"]);
});

Deno.test("frames after a long one wait for it, and come in their order", async () => {
  const parser = countingPreparer();
  const { reader, seen, until } = readerDouble(parser);
  const long = "x".repeat(LARGE);
  for (const value of [[long], 1, [long.slice(1)], 2]) reader.read(JSON.stringify(value));
  assertEquals(seen, []);
  await until(4);
  assertEquals(seen, [[long], 1, [long.slice(1)], 2]);
  assertEquals(parser.calls, ["json", "json"]);
  // The last promise of the queue has its own turn.
  await Promise.resolve();
  await Promise.resolve();
  reader.read("3");
  assertEquals(seen.at(-1), 3);
});

Deno.test("a long frame with too many values is refused, and the next is read", async () => {
  const { reader, seen, until } = readerDouble();
  reader.read(`[${"{},".repeat(LARGE / 2)}1]`);
  reader.read("1");
  await until(2);
  assertStringIncludes(String(seen[0]), "more than 50000 JSON texts, objects and lists");
  assertEquals(seen[1], 1);
});

Deno.test("frames that wait for a long one are bounded, and dropped when the reader is closed", async () => {
  const { reader, seen, until } = readerDouble();
  reader.read(JSON.stringify("x".repeat(LARGE)));
  for (let frame = 0; frame < 1023; frame++) reader.read("1");
  assertEquals(seen, []);
  reader.read("2");
  assertEquals(seen, ["At most 1024 frames can wait for a long one"]);
  reader.close();
  await until(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(seen.length, 1);
});
