const WIDTH = 40;

/** A share as a bar of fixed width. @param share 0 to 1; more is shown as 1. */
export function bar(share: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
  return `[${"#".repeat(full)}${".".repeat(WIDTH - full)}]`;
}
