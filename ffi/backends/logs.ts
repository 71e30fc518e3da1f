import type { Library } from "../library/library.ts";
import { LineCollector, type LogLine } from "./log_lines.ts";
import { readCString } from "../memory/memory.ts";

export type { LogLine } from "./log_lines.ts";

/*
 * The logger is process-wide, whichever thread sets it. libllama and ggml each hold a copy;
 * `llama_log_set` sets both.
 */

/**
 * Disables native logs. Native code then calls a function that does nothing, so no callback into
 * JavaScript is needed.
 */
export function silenceLogs(library: Library): void {
  library.llama.llama_log_set(library.noop, null);
}

/** Sends native logs to stderr, the default of libllama. */
export function printLogs(library: Library): void {
  library.llama.llama_log_set(null, null);
}

/**
 * Runs synchronous native work and collects its log. Restores the previous logger afterwards.
 *
 * For diagnosis only: no other thread may use the library meanwhile. A log call from another thread
 * would wait for this thread and then call a freed callback.
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

/** Whether logs are disabled by {@linkcode silenceLogs}. */
function isSilent(library: Library): boolean {
  const logger = new BigUint64Array(1);
  const data = new BigUint64Array(1);
  library.ggml.ggml_log_get(logger, data);
  return logger[0] === Deno.UnsafePointer.value(library.noop);
}
