/** How long anything may take on a busy machine. */
const PATIENCE_MS = 120_000;

/** Waits for a condition. @throws {Error} if it does not come about. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error("What was waited for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
