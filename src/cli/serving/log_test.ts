import { assertEquals, assertThrows } from "@std/assert";
import { createLog } from "./log.ts";
import { UsageError } from "../options/options.ts";

function linesOf(setting: string | undefined, verbose = false): string[] {
  const lines: string[] = [];
  const log = createLog(setting, verbose, (line) => lines.push(line));
  log.error("broke", { request: "r1" });
  log.warn("odd");
  log.info("came");
  log.debug("detail");
  return lines;
}

Deno.test("a level shows its own messages and more severe ones", () => {
  assertEquals(linesOf("error"), ['error: broke request="r1"']);
  assertEquals(linesOf("warn"), ['error: broke request="r1"', "warn: odd"]);
  assertEquals(linesOf(undefined), ['error: broke request="r1"', "warn: odd", "came"]);
  assertEquals(linesOf("debug").length, 4);
});

Deno.test("verbose shows all levels", () => {
  assertEquals(linesOf("error", true).length, 4);
});

Deno.test("json writes one object per line", () => {
  const [first, ...rest] = linesOf("json,warn").map((line) => JSON.parse(line));
  assertEquals(rest.length, 1);
  const { time, ...fields } = first;
  assertEquals(fields, { level: "error", message: "broke", request: "r1" });
  assertEquals(new Date(time).toISOString(), time);
});

Deno.test("unknown words are refused", () => {
  const error = assertThrows(() => linesOf("loud"), UsageError);
  assertEquals(
    error.message,
    "SHIMMY_LOG: must be one of error, warn, info, debug, and json, not 'loud'",
  );
});
