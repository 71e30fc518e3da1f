import type { Library } from "../library/library.ts";
import { LineCollector, type LogLine } from "./log_lines.ts";
import { readCString } from "../memory/memory.ts";

export type { LogLine } from "./log_lines.ts";

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

/**
 * Runs synchronous native work and collects what it logs; afterwards the logs are silent again
 * or go to stderr again, as before.
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
  const restore = isSilent(library) ? silenceLogs : printLogs;
  try {
    library.llama.llama_log_set(callback.pointer, null);
    return { value: work(), lines: collector.finish() };
  } finally {
    restore(library);
    callback.close();
  }
}

/** Whether {@linkcode silenceLogs} is in force. */
function isSilent(library: Library): boolean {
  const logger = new BigUint64Array(1);
  const data = new BigUint64Array(1);
  library.ggml.ggml_log_get(logger, data);
  return logger[0] === Deno.UnsafePointer.value(library.harmless);
}
