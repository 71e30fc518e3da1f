import { deadline } from "@std/async/deadline";

/** The value of a promise, or `late` if it takes longer than a time in milliseconds. Leaves no timer. */
export async function within<T, L>(promise: Promise<T>, ms: number, late: L): Promise<T | L> {
  const marked = promise.then((value) => ({ value }));
  try {
    return (await deadline(marked, ms)).value;
  } catch (error) {
    if (error instanceof DOMException && error.name === "TimeoutError") return late;
    throw error;
  }
}
