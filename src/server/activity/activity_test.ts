import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { Activity, type ActivityEvent } from "./activity.ts";

const FINISHED = {
  requestId: "r",
  method: "GET",
  route: "/health",
  status: 200,
  model: null,
  promptTokens: 0,
  completionTokens: 0,
  durationMs: 1,
};

Deno.test("listeners get events until they are removed", () => {
  const activity = new Activity(() => 5);
  const events: ActivityEvent[] = [];
  const remove = activity.listen((event) => events.push(event));
  activity.log("warn", "memory is short");
  activity.log("info", "Skipped /models/a.gguf: truncated");
  activity.finished(FINISHED);
  activity.failed({ requestId: "r", status: 502, message: "Generation failed" });
  remove();
  activity.log("info", "unheard");
  assertEquals(events, [
    { type: "log", time: 5, level: "warn", message: "memory is short" },
    { type: "log", time: 5, level: "info", message: null },
    { type: "request", time: 5, request: FINISHED },
    {
      type: "error",
      time: 5,
      request: { requestId: "r", status: 502, message: "Generation failed" },
    },
  ]);
});

Deno.test("errors and log lines are kept for later listeners, in bounded number", () => {
  const activity = new Activity();
  for (let line = 0; line < 1000; line++) activity.log("info", `line ${line}`);
  activity.finished(FINISHED);
  activity.failed({ requestId: "r", status: 500, message: "Internal error" });
  const { recent } = activity;
  assertEquals(recent.length <= 200 && recent.length >= 100, true);
  assertEquals(recent.slice(-2).map(({ type }) => type), ["log", "error"]);
});

Deno.test("there are at most 32 listeners at a time", () => {
  const activity = new Activity();
  const removes = Array.from({ length: 32 }, () => activity.listen(() => {}));
  const error = assertThrows(() => activity.listen(() => {}), ShimmyError, "32 listeners");
  assertEquals(error.kind, "overloaded");
  removes[0]!();
  activity.listen(() => {});
});

Deno.test("a pull is listed while it runs, and its end is told once", () => {
  const activity = new Activity(() => 7);
  const events: ActivityEvent[] = [];
  activity.listen((event) => events.push(event));
  const pull = activity.pull("hf:o/r");
  pull.progress({ status: "pulling a", completed: 3, total: 9 });
  assertEquals(activity.pulls, [{
    model: "hf:o/r",
    status: "pulling a",
    completed: 3,
    total: 9,
  }]);
  pull.end("failed", "no space");
  pull.end("done", null);
  assertEquals(activity.pulls, []);
  assertEquals(events, [
    { type: "pull", time: 7, model: "hf:o/r", outcome: "failed", error: "no space" },
  ]);
});
