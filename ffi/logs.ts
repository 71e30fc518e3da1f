import { GGML_LOG_LEVEL } from "./generated/enums.ts";
import type { Library } from "./library.ts";
import { pointerAt, readCString } from "./memory.ts";

/*
 * There is one logger for all of the process, whichever thread sets it. libllama and ggml each hold
 * a copy; `llama_log_set` sets both.
 */

/** Lets nothing through, without a callback into JavaScript: native code calls a harmless function. */
export function silenceLogs(library: Library): void {
  library.llama.llama_log_set(library.harmless, null);
}

/** Lets the native logs go to stderr, as they do when nobody has set a logger. */
export function printLogs(library: Library): void {
  library.llama.llama_log_set(null, null);
}

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
 * Runs synchronous native work and collects what it logs; afterwards the logger is what it was.
 *
 * For diagnosis only: no other thread of the process may use the library meanwhile. A log from a
 * foreign thread would wait for this one and then call a callback that is gone.
 */
export function captureLogs<T>(
  library: Library,
  work: () => T,
): { readonly value: T; readonly lines: readonly LogLine[] } {
  const collector = new LineCollector();
  const callback = new Deno.UnsafeCallback(
    { parameters: ["i32", "pointer", "pointer"], result: "void" },
    (level, text) => collector.add(level, readCString(text) ?? ""),
  );
  const restore = saveLogger(library);
  try {
    library.llama.llama_log_set(callback.pointer, null);
    return { value: work(), lines: collector.lines };
  } finally {
    restore();
    callback.close();
  }
}

/** Remembers the logger that is set, and returns what sets it again. */
function saveLogger(library: Library): () => void {
  const saved = new BigUint64Array(2);
  library.ggml.ggml_log_get(saved.subarray(0, 1), saved.subarray(1));
  const [log = 0n, data = 0n] = saved;
  return () => {
    // Both libraries begin with a logger of their own that prints to stderr. When it is ggml's that was
    // saved, `null` gives each its own again; ggml must not keep one that lies in libllama.
    const printing = log === defaultLogger(library);
    library.llama.llama_log_set(printing ? null : pointerAt(log), pointerAt(data));
  };
}

/** The address of ggml's own logger, which leaves the one that is set as it was. */
function defaultLogger(library: Library): bigint {
  const saved = new BigUint64Array(2);
  const { ggml_log_get, ggml_log_set } = library.ggml;
  ggml_log_get(saved.subarray(0, 1), saved.subarray(1));
  const [log = 0n, data = 0n] = saved;
  ggml_log_set(null, null);
  const standard = new BigUint64Array(2);
  ggml_log_get(standard.subarray(0, 1), standard.subarray(1));
  ggml_log_set(pointerAt(log), pointerAt(data));
  return standard[0]!;
}

/** Puts lines together: native code logs pieces, and `CONT` continues the level before it. */
class LineCollector {
  readonly lines: LogLine[] = [];
  #level: LogLine["level"] = "info";
  #open = "";

  add(level: number, text: string): void {
    this.#level = LEVELS.get(level) ?? this.#level;
    const parts = (this.#open + text).split("\n");
    this.#open = parts.pop() ?? "";
    for (const line of parts) {
      if (line) this.lines.push({ level: this.#level, text: line });
    }
  }
}
