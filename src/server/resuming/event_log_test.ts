import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { HttpError } from "../http/mod.ts";
import { EventLog, type Numbered } from "./event_log.ts";

/** A sink that collects the numbers of its events. */
function collecting() {
  const seen: number[] = [];
  const ends: unknown[] = [];
  const sink = {
    event: ({ number }: Numbered<string>) => void seen.push(number),
    flush() {},
    end: (error?: unknown) => void ends.push(error),
  };
  return { seen, ends, sink };
}

Deno.test("events are passed on, and kept for readers that come later", () => {
  const out = collecting();
  const log = new EventLog<string>(out.sink, () => 1);
  log.event("a");
  log.event("b");
  log.flush();
  const late = collecting();
  log.read(1, late.sink).pump();
  log.event("c");
  log.flush();
  log.end();
  assertEquals([out.seen, late.seen], [[1, 2, 3], [2, 3]]);
  assertEquals([out.ends, late.ends], [[undefined], [undefined]]);
});

Deno.test("a reader that is held gets the events later, and then the end", () => {
  const log = new EventLog<string>(collecting().sink, () => 1);
  const slow = collecting();
  const reader = log.read(0, slow.sink);
  reader.hold(true);
  log.event("a");
  log.flush();
  log.end("failed");
  assertEquals([slow.seen, slow.ends], [[], []]);
  reader.hold(false);
  assertEquals([slow.seen, slow.ends], [[1], ["failed"]]);
});

Deno.test("the oldest events are dropped above the limit, and asking for them fails", () => {
  const log = new EventLog<string>(collecting().sink, () => 1024 * 1024);
  for (const text of ["a", "b", "c", "d"]) log.event(text);
  assertEquals(log.after(3).map(({ event }) => event), ["d"]);
  const error = assertThrows(() => log.after(0), HttpError, "no longer kept");
  assertEquals(error.status, 410);
  const late = collecting();
  log.read(0, late.sink).pump();
  assertEquals((late.ends[0] as HttpError).status, 410);
});

Deno.test("a number that no event has is refused, as its reader would never end", () => {
  const log = new EventLog<string>(collecting().sink, () => 1);
  log.event("a");
  assertEquals(log.after(1), []);
  assertThrows(() => log.after(2), ShimmyError, "Last-Event-ID: must be at most 1, not 2");
  const late = collecting();
  log.read(2, late.sink).pump();
  log.end();
  assertEquals(late.ends.length, 1);
});

Deno.test("the logs of the oldest ended responses are freed above the limit of all", () => {
  const logs = Array.from({ length: 20 }, () => {
    const log = new EventLog<string>(collecting().sink, () => 2 * 1024 * 1024);
    log.event("a");
    log.end();
    return log;
  });
  const kept = logs.filter((log) => {
    try {
      return log.after(0).length === 1;
    } catch {
      return false;
    }
  });
  assertEquals(kept, logs.slice(-8));
});

Deno.test("the ended responses of one client free none of another client", () => {
  const ended = (client: string) => {
    const log = new EventLog<string>(collecting().sink, () => 2 * 1024 * 1024, client);
    log.event("a");
    log.end();
    return log;
  };
  const mine = ended("one");
  for (let count = 0; count < 20; count++) ended("other");
  assertEquals(mine.after(0).map(({ event }) => event), ["a"]);
});
