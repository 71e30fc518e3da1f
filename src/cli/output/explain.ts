import { messageOf, ShimmyError } from "../../errors.ts";
import { printableLines } from "./printable.ts";

/**
 * An error message for the operator: one line, or with `verbose` also the causes and the stack.
 */
export function explain(error: unknown, verbose: boolean): string {
  const detail = error instanceof ShimmyError ? error.detail : undefined;
  if (!verbose) {
    return [messageOf(error), ...(detail === undefined ? [] : [detail])]
      .map((part) => printableLines(part.split("\n", 1)[0]!)).join(": ");
  }
  const lines = [messageOf(error), ...(detail === undefined ? [] : [detail])];
  for (let cause = causeOf(error); cause !== undefined; cause = causeOf(cause)) {
    const more = cause instanceof ShimmyError && cause.detail ? `: ${cause.detail}` : "";
    lines.push(`caused by: ${messageOf(cause)}${more}`);
  }
  // A ShimmyError says what to do; any other error is a defect, and its stack locates it.
  if (!(error instanceof ShimmyError) && error instanceof Error) lines.push(error.stack ?? "");
  return lines.join("\n");
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
