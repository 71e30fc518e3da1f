/**
 * Short texts that the browser keeps. A browser can refuse to keep anything, and its store can be full: then
 * texts are lost when the page is closed, and nothing fails.
 *
 * @module
 */

/** How long a text is kept: until the tab is closed, or until the user removes it. */
export type Duration = "session" | "always";

/** The text of a name; null if there is none. */
export function keptText(duration: Duration, name: string): string | null {
  try {
    return storeOf(duration).getItem(name);
  } catch {
    return null;
  }
}

/**
 * Keeps a text under a name; null removes it.
 *
 * @returns whether it was kept.
 */
export function keepText(duration: Duration, name: string, text: string | null): boolean {
  try {
    if (text === null) storeOf(duration).removeItem(name);
    else storeOf(duration).setItem(name, text);
    return true;
  } catch {
    return false;
  }
}

/** Whether texts are kept until the user removes them. */
export function keepsTexts(): boolean {
  return keepText("always", "shimmy.probe", "1") && keepText("always", "shimmy.probe", null);
}

/** @throws {DOMException} where the browser keeps nothing. */
function storeOf(duration: Duration): Storage {
  return duration === "session" ? sessionStorage : localStorage;
}
