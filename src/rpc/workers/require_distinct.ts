import { ShimmyError } from "../../errors.ts";
import type { Worker } from "./probe.ts";

/**
 * Refuses a worker that has two names: its memory would be counted twice.
 *
 * @param label the option or field, for the error
 * @throws {ShimmyError} `invalid`, with a message that begins with `label`.
 */
export function requireDistinct(
  workers: readonly Pick<Worker, "endpoint" | "address">[],
  label: string,
): void {
  const names = new Map<string, string>();
  for (const { endpoint: { text }, address } of workers) {
    const other = names.get(address);
    if (other !== undefined) {
      throw new ShimmyError("invalid", `${label}: names one worker twice, as ${other} and ${text}`);
    }
    names.set(address, text);
  }
}
