import { useEffect, useRef } from "preact/hooks";

/** A key combination and what it does. */
export interface Shortcut {
  /**
   * Keys joined by `+`: modifiers (`Mod` is Ctrl, and Cmd on a Mac; `Alt`; `Shift`) and the name of a key
   * as `KeyboardEvent.key` has it. A combination without `Mod` or `Alt` does not act in text fields.
   */
  readonly keys: string;
  /** What it does, for the list. */
  readonly does: string;
  /** Absent: the list names a key that the focused element handles itself. */
  readonly run?: (event: KeyboardEvent) => void;
  /** Whether it acts in text fields. Default: if it has `Mod` or `Alt`. */
  readonly inFields?: boolean;
}

/** Whether an event belongs to a combination. */
export function matches(
  keys: string,
  event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">,
): boolean {
  const parts = keys.split("+");
  const key = parts.pop() || "+";
  if (parts.includes("Mod") !== (event.ctrlKey || event.metaKey)) return false;
  if (parts.includes("Alt") !== event.altKey) return false;
  // Which characters need Shift depends on the keyboard.
  const isCharacter = key.length === 1 && !/[a-z]/i.test(key);
  if (!isCharacter && parts.includes("Shift") !== event.shiftKey) return false;
  // On a Mac, Alt with a letter gives another character.
  if (parts.includes("Alt") && event.code === `Key${key.toUpperCase()}`) return true;
  return event.key.toLowerCase() === key.toLowerCase();
}

/** Whether typing goes into an element. */
export function isEditable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=range]), textarea, select"));
}

/** A combination for people: `Mod` by the name of the key. */
export function keyLabel(keys: string, isMac = /Mac|iPhone|iPad/.test(navigator.platform)): string {
  return keys.replace("Mod", isMac ? "⌘" : "Ctrl").replace("Alt", isMac ? "⌥" : "Alt")
    .replace("ArrowLeft", "←").replace("ArrowRight", "→")
    .replace("ArrowUp", "↑").replace("ArrowDown", "↓").replace("Escape", "Esc");
}

/** Acts on shortcuts while the component is mounted. An open dialog keeps its keys. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const current = useRef(shortcuts);
  current.current = shortcuts;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      // A key that ends the composition of a character belongs to the input method.
      if (event.isComposing) return;
      if (event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
      for (const { keys, run, inFields = /Mod|Alt/.test(keys) } of current.current) {
        if (run === undefined || !matches(keys, event)) continue;
        if (!inFields && isEditable(event.target)) continue;
        event.preventDefault();
        run(event);
        return;
      }
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
