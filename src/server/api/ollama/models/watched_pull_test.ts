import { assertEquals } from "@std/assert";
import { ShimmyError } from "../../../../errors.ts";
import type { PlannedFile, PullPlan } from "../../../../models/pull/plan.ts";
import { Activity, type ActivityEvent } from "../../../activity/mod.ts";
import { WatchedPull } from "./watched_pull.ts";

function file(name: string, size: number | null): PlannedFile {
  const path = `/models/${name}`;
  return { name, size, path, url: "", sha256: null, part: "", lock: "", present: false };
}

function planOf(...files: readonly PlannedFile[]): PullPlan {
  return {
    ...{ reference: "hf:o/r", from: "the hub", files },
    finish: () => Promise.reject(new Error("unused")),
  };
}

/** A pull of two files, and what is told of it. */
function setUp(...sizes: readonly (number | null)[]) {
  const activity = new Activity();
  const events: ActivityEvent[] = [];
  activity.listen((event) => events.push(event));
  const files = sizes.map((size, index) => file(`${index}.gguf`, size));
  const pull = new WatchedPull(activity.pull("hf:o/r"), planOf(...files));
  return { activity, events, files, pull };
}

Deno.test("the bytes of all files are summed", () => {
  const { activity, files: [first, second], pull } = setUp(100, 50);
  const receive = (file: PlannedFile, bytes: number, total: number) =>
    pull.onEvent({ type: "file", file, progress: { phase: "receive", bytes, total } });
  receive(first!, 100, 100);
  receive(second!, 20, 50);
  assertEquals(activity.pulls, [
    { model: "hf:o/r", status: "pulling 1.gguf", completed: 120, total: 150 },
  ]);
  pull.onEvent({ type: "finish" });
  assertEquals(activity.pulls[0]?.status, "writing manifest");
});

Deno.test("the total is unknown if the size of a file is", () => {
  const { activity, files: [first], pull } = setUp(null, 50);
  const progress = { phase: "receive", bytes: 5, total: null } as const;
  pull.onEvent({ type: "file", file: first!, progress });
  assertEquals(activity.pulls[0]?.total, null);
});

Deno.test("ends are told apart, and unexpected errors tell nothing", () => {
  const ends = [
    undefined,
    new ShimmyError("cancelled", "The pull was cancelled"),
    new ShimmyError("backend", "no space", { detail: "/models" }),
    new Error("/secret/path"),
  ].map((error) => {
    const { events, pull } = setUp(1);
    pull.end(error);
    const [event] = events;
    return event?.type === "pull" ? [event.outcome, event.error] : null;
  });
  assertEquals(ends, [
    ["done", null],
    ["cancelled", null],
    ["failed", "no space"],
    ["failed", "Internal error"],
  ]);
});
