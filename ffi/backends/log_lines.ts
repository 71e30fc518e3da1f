import { GGML_LOG_LEVEL } from "../generated/enums.ts";

/** A line of the native log. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly text: string;
}

const LEVELS: ReadonlyMap<number, LogLine["level"]> = new Map([
  [GGML_LOG_LEVEL.DEBUG, "debug"],
  [GGML_LOG_LEVEL.INFO, "info"],
  [GGML_LOG_LEVEL.WARN, "warn"],
  [GGML_LOG_LEVEL.ERROR, "error"],
]);

/**
 * Assembles log lines. Native code logs fragments; level `CONT` keeps the level of the previous
 * fragment.
 */
export class LineCollector {
  readonly #lines: LogLine[] = [];
  #level: LogLine["level"] = "info";
  #open = "";

  add(level: number, text: string): void {
    this.#level = LEVELS.get(level) ?? this.#level;
    const parts = (this.#open + text).split("\n");
    this.#open = parts.pop() ?? "";
    for (const line of parts) {
      if (line) this.#lines.push({ level: this.#level, text: line });
    }
  }

  /** All lines, including an unterminated last line. */
  finish(): readonly LogLine[] {
    if (this.#open) this.add(GGML_LOG_LEVEL.CONT, "\n");
    return this.#lines;
  }
}
