import { assertEquals } from "@std/assert";
import { entryOf } from "./entry.ts";

const time = "2026-01-02T03:04:05.000Z";

Deno.test("each event that is logged has a line with its level", () => {
  assertEquals(
    entryOf("error", { time, request_id: "r", status: 502, message: "Generation failed" }),
    { time, level: "error", text: "Generation failed (502)", requestId: "r" },
  );
  assertEquals(entryOf("log", { time, level: "warn", message: "Memory is short" }), {
    time,
    level: "warn",
    text: "Memory is short",
  });
  const change = { time, name: "tiny", state: "loaded", previous: "loading", error: null };
  assertEquals(entryOf("model", change).text, "tiny is loaded");
  assertEquals(entryOf("model", { ...change, state: "failed", error: "truncated" }), {
    time,
    level: "error",
    text: "tiny cannot be loaded: truncated",
  });
  const pull = { time, model: "hf:o/r", outcome: "failed", error: "no space" } as const;
  assertEquals(entryOf("pull", pull).text, "Pull of hf:o/r failed: no space");
});

Deno.test("a line that the server withholds says where it is", () => {
  const { text } = entryOf("log", { time, level: "info", message: null });
  assertEquals(text, "A line that names a file or an address. The server's own log shows it.");
});
