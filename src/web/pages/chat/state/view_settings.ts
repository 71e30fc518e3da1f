import { type Signal, signal } from "@preact/signals";
import { keepText, keptText } from "../../../kept/mod.ts";

/** A setting of this browser that survives a reload. */
function stored<T>(name: string, fallback: T): Signal<T> {
  const key = `shimmy.${name}`;
  let first = fallback;
  try {
    first = JSON.parse(keptText("always", key) ?? JSON.stringify(fallback));
  } catch {
    // A damaged setting has its default.
  }
  const setting = signal(first);
  setting.subscribe((value) => void keepText("always", key, JSON.stringify(value)));
  return setting;
}

/** How the chat is shown. */
export const view = {
  /** Show answers as tokens, coloured by probability, instead of Markdown. */
  tokens: stored("tokens", false),
  /** The panel with the list of conversations is open, on wide screens. */
  list: stored("list", true),
  /** The panel with sampling, system prompt and branches is open. */
  panel: stored("panel", false),
  /** A second model that answers each message too; null: none. */
  secondModel: signal<string | null>(null),
  /** Messages whose answers are shown side by side, by id; the empty text is the beginning. */
  compared: signal<ReadonlySet<string>>(new Set<string>()),
};

/** Whether the panels cover the conversation, as on a phone. */
export function isNarrow(): boolean {
  return matchMedia("(max-width: 50rem)").matches;
}

/** Opens or closes a panel. On a phone, only one is open. */
export function togglePanel(panel: "list" | "panel"): void {
  view[panel].value = !view[panel].value;
  if (isNarrow() && view[panel].value) view[panel === "list" ? "panel" : "list"].value = false;
}

/** Shows the messages after `parent` side by side, or one of them. */
export function setCompared(parent: string | null, isCompared: boolean): void {
  const compared = new Set(view.compared.value);
  if (isCompared) compared.add(parent ?? "");
  else compared.delete(parent ?? "");
  view.compared.value = compared;
}
