import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createLog, logAccess, watchedLog } from "./log.ts";
import { UsageError } from "../options/options.ts";

/** Collects alerts and notes. */
function outputTo(lines: string[]) {
  const push = (line: string) => void lines.push(line);
  return { note: push, alert: push };
}

function linesOf(setting: string | undefined, verbose = false): string[] {
  const lines: string[] = [];
  const log = createLog(setting, verbose, outputTo(lines));
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

Deno.test("errors and warnings are alerts; all other lines are notes, which --quiet leaves out", () => {
  const [notes, alerts]: [string[], string[]] = [[], []];
  const log = createLog(undefined, false, {
    note: (line) => notes.push(line),
    alert: (line) => alerts.push(line),
  });
  log.error("broke");
  log.warn("odd");
  log.info("came");
  assertEquals([notes, alerts], [["came"], ["error: broke", "warn: odd"]]);
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

Deno.test("the level debug adds the time and the requests", () => {
  const record = {
    requestId: "r1",
    method: "POST",
    route: "/v1/chat/completions",
    key: null,
    path: "/v1/chat/completions",
    status: 200,
    model: 'a "b"',
    promptTokens: 5,
    completionTokens: 7,
    durationMs: 12.6,
  };
  for (const [setting, expected] of [["debug", 1], ["info", 0], ["debug,json", 1]] as const) {
    const lines: string[] = [];
    logAccess(createLog(setting, false, outputTo(lines)), record);
    assertEquals(lines.length, expected);
    if (setting === "debug") {
      assertMatch(
        lines[0]!,
        /^\d{4}-\d\d-\d\dT[\d:.]+Z debug: request id="r1" method="POST" path="\/v1\/chat\/completions" status=200 model="a \\"b\\"" prompt_tokens=5 completion_tokens=7 duration_ms=13$/,
      );
    }
    if (setting === "debug,json") assertEquals(JSON.parse(lines[0]!).completion_tokens, 7);
  }
});

Deno.test("lines are told to those who watch the server, whatever level the log shows", () => {
  const lines: string[] = [];
  const told: string[] = [];
  const activity = { log: (level: string, line: string) => void told.push(`${level} ${line}`) };
  const log = watchedLog(createLog("error", false, outputTo(lines)), activity);
  log.error("broke", { request: "r1" });
  log.warn("odd");
  log.info("came");
  log.debug("detail");
  assertEquals(lines, ['error: broke request="r1"']);
  assertEquals(told, ["error broke", "warn odd", "info came"]);
});
