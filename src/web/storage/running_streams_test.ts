import { assertEquals } from "@std/assert";
import { withTexts } from "../../../tests/doubles/kept_texts.ts";
import { dropStream, noteStream, runningStreams } from "./running_streams.ts";

const STORED = "shimmy.streams";

/** Runs a test with what is kept of streams. */
function withKept(kept: string | null, use: () => void): void {
  withTexts(new Map(kept === null ? [] : [[STORED, kept]]), Infinity, use);
}

Deno.test("a stream is noted by its message, then with its id, and dropped by either", () => {
  withKept(null, () => {
    noteStream({ conversation: "c", message: "m1" });
    noteStream({ conversation: "c", message: "m2" });
    assertEquals(runningStreams().map(({ message }) => message), ["m1", "m2"]);
    noteStream({ conversation: "c", message: "m1", stream: "s1" });
    assertEquals(runningStreams(), [
      { conversation: "c", message: "m2" },
      { conversation: "c", message: "m1", stream: "s1" },
    ]);
    dropStream({ conversation: "c", stream: "s1" });
    assertEquals(runningStreams(), [{ conversation: "c", message: "m2" }]);
    dropStream({ conversation: "c", message: "m2", stream: "s2" });
    assertEquals(runningStreams(), []);
  });
});

Deno.test("streams that an earlier version of the page kept are read, and then have their message", () => {
  const old = [{ conversation: "c", stream: "s1" }, { conversation: "c", stream: "s2" }];
  withKept(JSON.stringify(old), () => {
    assertEquals(runningStreams(), old);
    noteStream({ conversation: "c", message: "m1", stream: "s1" });
    assertEquals(runningStreams(), [
      { conversation: "c", stream: "s2" },
      { conversation: "c", message: "m1", stream: "s1" },
    ]);
  });
});

Deno.test("what is kept and is no list of streams is no stream", () => {
  const wrong = [
    "{",
    "{}",
    "null",
    '[null, 5, {"conversation": "c"}, {"stream": "s"}, {"conversation": 5, "message": "m"}]',
    '[{"conversation": "c", "message": "m", "stream": 5}]',
  ];
  for (const kept of wrong) {
    withKept(kept, () => assertEquals([kept, runningStreams()], [kept, []]));
  }
});
