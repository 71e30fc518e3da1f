import { assertEquals } from "@std/assert";
import { GGML_LOG_LEVEL } from "../generated/enums.ts";
import { LineCollector } from "./log_lines.ts";

Deno.test("fragments of a log line are joined, and a continuation keeps the level", () => {
  const collector = new LineCollector();
  collector.add(GGML_LOG_LEVEL.WARN, "not ");
  collector.add(GGML_LOG_LEVEL.CONT, "enough memory\nfalling back\n");
  collector.add(GGML_LOG_LEVEL.ERROR, "failed");
  assertEquals(collector.finish(), [
    { level: "warn", text: "not enough memory" },
    { level: "warn", text: "falling back" },
    { level: "error", text: "failed" },
  ]);
});

Deno.test("empty lines are omitted, and an unknown level keeps the previous one", () => {
  const collector = new LineCollector();
  collector.add(GGML_LOG_LEVEL.DEBUG, "\n\n");
  collector.add(GGML_LOG_LEVEL.NONE, "plain\n");
  assertEquals(collector.finish(), [{ level: "debug", text: "plain" }]);
});
