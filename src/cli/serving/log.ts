import type { AccessRecord, Activity } from "../../server/mod.ts";
import type { Output } from "../environment/mod.ts";
import { UsageError } from "../options/mod.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;
type Level = (typeof LEVELS)[number];

type Fields = Readonly<Record<string, string | number | null>>;

/** The server's log on stderr. */
export type Log = Readonly<Record<Level, (message: string, fields?: Fields) => void>>;

/**
 * Creates the log that `SHIMMY_LOG` selects: a level, and `json` for one object per line, as in
 * `debug,json`. Lines of the level `debug` begin with the time.
 *
 * @param output Receives errors and warnings as alerts, and all other lines as notes.
 * @throws {UsageError} for an unknown word.
 */
export function createLog(
  setting: string | undefined,
  verbose: boolean,
  output: Pick<Output, "note" | "alert">,
): Log {
  const words = (setting ?? "").split(/[\s,]+/).filter((word) => word !== "");
  const unknown = words.find((word) => word !== "json" && !LEVELS.some((level) => level === word));
  if (unknown !== undefined) {
    throw new UsageError(
      `SHIMMY_LOG: must be one of ${LEVELS.join(", ")}, and json, not '${unknown}'`,
    );
  }
  const chosen = LEVELS.findLast((level) => words.includes(level)) ?? "info";
  const shown = LEVELS.indexOf(verbose ? "debug" : chosen);
  const isDebug = LEVELS[shown] === "debug";
  const format = words.includes("json") ? jsonLine : isDebug ? timedLine : textLine;
  const at = (level: Level): Log[Level] => {
    if (LEVELS.indexOf(level) > shown) return () => {};
    const isAlert = level === "error" || level === "warn";
    return (message, fields = {}) => {
      const line = format(level, message, fields);
      if (isAlert) output.alert(line);
      else output.note(line);
    };
  };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** A log whose lines are also told to those who watch the server, but lines of the level `debug`. */
export function watchedLog(log: Log, activity: Pick<Activity, "log">): Log {
  const at = (level: Exclude<Level, "debug">): Log[Level] => (message, fields) => {
    log[level](message, fields);
    activity.log(level, message);
  };
  return { ...log, error: at("error"), warn: at("warn"), info: at("info") };
}

/** Logs a finished request at the level `debug`. */
export function logAccess(log: Log, record: AccessRecord): void {
  log.debug("request", {
    id: record.requestId,
    method: record.method,
    path: record.path,
    status: record.status,
    model: record.model,
    prompt_tokens: record.promptTokens,
    completion_tokens: record.completionTokens,
    duration_ms: Math.round(record.durationMs),
    ...(record.ignoredFields === undefined ? {} : { ignored: record.ignoredFields.join(", ") }),
  });
}

function jsonLine(level: Level, message: string, fields: Fields): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message, ...fields });
}

function textLine(level: Level, message: string, fields: Fields): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const prefix = level === "info" ? "" : `${level}: `;
  return `${prefix}${message}${rest.join("")}`;
}

function timedLine(level: Level, message: string, fields: Fields): string {
  return `${new Date().toISOString()} ${textLine(level, message, fields)}`;
}
