import { UsageError } from "../options/mod.ts";

const LEVELS = ["error", "warn", "info", "debug"] as const;
type Level = (typeof LEVELS)[number];

/** The server's log on stderr. */
export type Log = Readonly<
  Record<Level, (message: string, fields?: Readonly<Record<string, string>>) => void>
>;

/**
 * Creates the log that `SHIMMY_LOG` selects: a level, and `json` for one object per line, as in
 * `debug,json`.
 *
 * @param note Receives each line.
 * @throws {UsageError} for an unknown word.
 */
export function createLog(
  setting: string | undefined,
  verbose: boolean,
  note: (line: string) => void,
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
  const format = words.includes("json") ? jsonLine : textLine;
  const at = (level: Level): Log[Level] =>
    LEVELS.indexOf(level) > shown
      ? () => {}
      : (message, fields = {}) => note(format(level, message, fields));
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

function jsonLine(level: Level, message: string, fields: Readonly<Record<string, string>>): string {
  return JSON.stringify({ time: new Date().toISOString(), level, message, ...fields });
}

function textLine(level: Level, message: string, fields: Readonly<Record<string, string>>): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const prefix = level === "info" ? "" : `${level}: `;
  return `${prefix}${message}${rest.join("")}`;
}
