import { assertEquals, assertRejects } from "@std/assert";
import { ShimmyError } from "../errors.ts";
import { ClientSequence } from "./client_sequence.ts";
import { NO_TIMINGS, type SequenceEvent } from "./protocol/mod.ts";

const TOKEN: SequenceEvent = { type: "token", text: "a", token: 1 };
const DONE: SequenceEvent = {
  type: "done",
  text: "",
  finishReason: "stop",
  stopString: null,
  usage: { promptTokens: 1, completionTokens: 1, cachedTokens: 0 },
  timings: NO_TIMINGS,
};

/** A sequence with a log of the calls of its sink and of its controls. */
function logged(onEvent: (event: SequenceEvent) => void = () => {}) {
  const log: string[] = [];
  const sequence = new ClientSequence(
    {
      event(event) {
        log.push(event.type);
        onEvent(event);
      },
      flush: () => void log.push("flush"),
      end: (error) => void log.push(error instanceof Error ? `end: ${error.message}` : "end"),
    },
    (control) => void log.push(`to core: ${control.type}`),
    ({ keep }) => {
      log.push(`to core: keep ${keep}`);
      return Promise.resolve(keep ?? 0);
    },
  );
  return { log, sequence };
}

Deno.test("the sink gets events, a flush for each message, and the end after done", () => {
  const { log, sequence } = logged();
  sequence.push(TOKEN);
  sequence.push(TOKEN);
  sequence.flush();
  sequence.push(DONE);
  sequence.flush();
  sequence.push(TOKEN);
  sequence.fail(new ShimmyError("backend", "late"));
  assertEquals(log, ["token", "token", "flush", "done", "end"]);
});

Deno.test("a sequence is computed while it is neither paused nor held", () => {
  const { log, sequence } = logged();
  for (const type of ["pause", "hold", "resume", "release", "hold", "release", "stop"] as const) {
    sequence.control({ type });
  }
  assertEquals(
    log,
    ["pause", "resume", "pause", "resume", "stop"].map((type) => `to core: ${type}`),
  );
});

Deno.test("controls after the end are ignored", () => {
  const { log, sequence } = logged();
  sequence.push(DONE);
  for (const type of ["stop", "pause", "hold", "cancel"] as const) sequence.control({ type });
  assertEquals(log, ["done", "end"]);
});

Deno.test("an exception of the sink ends the sequence in the core and here", () => {
  const { log, sequence } = logged(() => {
    throw new Error("a bug");
  });
  sequence.push(TOKEN);
  sequence.push(TOKEN);
  sequence.flush();
  assertEquals(log, ["token", "to core: cancel", "end: a bug"]);
});

Deno.test("an exception of the sink at done needs no cancellation", () => {
  const { log, sequence } = logged(() => {
    throw new Error("a bug");
  });
  sequence.push(DONE);
  assertEquals(log, ["done", "end: a bug"]);
});

Deno.test("edits go to the core until the end, and are refused after it", async () => {
  const { log, sequence } = logged();
  assertEquals(await sequence.edit({ keep: 3 }), 3);
  assertEquals(log, ["to core: keep 3"]);
  sequence.fail(new ShimmyError("backend", "x"));
  await assertRejects(() => sequence.edit({ keep: 3 }), ShimmyError, "The answer has ended");
});
