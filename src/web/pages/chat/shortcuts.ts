import { pathOf, siblingsOf } from "../../conversation/mod.ts";
import type { Shortcut } from "../../ui/mod.ts";
import { startChat } from "./parts/sidebar.tsx";
import {
  current,
  liveAnswers,
  pauseAnswers,
  resumeAnswers,
  stepBranch,
  stopAnswers,
  togglePanel,
  view,
} from "./state/mod.ts";

/** Steps through the branches of the message with the focus, or of the last one that has several. */
function step(by: -1 | 1): void {
  const conversation = current.value.value;
  const focused = document.activeElement?.closest<HTMLElement>("[data-message]")?.dataset.message;
  const message = conversation.messages.get(focused ?? "") ??
    pathOf(conversation).findLast((one) => siblingsOf(conversation, one).length > 1);
  if (message !== undefined) stepBranch(message, by);
}

function togglePause(): void {
  const { id } = current.value.value;
  const live = [...liveAnswers.value.values()].filter(({ conversation }) => conversation === id);
  const isPaused = live.length > 0 && live.every((one) => one.isPaused.value);
  void (isPaused ? resumeAnswers : pauseAnswers)(id);
}

/** The keys of the chat. */
export const SHORTCUTS: readonly Shortcut[] = [
  { keys: "Enter", does: "Send the message" },
  { keys: "Shift+Enter", does: "New line" },
  { keys: "Mod+Enter", does: "Send the message, or the edited message" },
  {
    keys: "Escape",
    does: "Stop the answer",
    inFields: true,
    run: () => void stopAnswers(current.value.value.id),
  },
  { keys: "Alt+P", does: "Pause the answer, or let it go on", run: togglePause },
  { keys: "ArrowLeft", does: "Previous branch of the message", run: () => step(-1) },
  { keys: "ArrowRight", does: "Next branch of the message", run: () => step(1) },
  { keys: "Alt+N", does: "New chat", run: startChat },
  {
    keys: "Alt+T",
    does: "Show tokens or Markdown",
    run: () => view.tokens.value = !view.tokens.value,
  },
  { keys: "Alt+S", does: "Steering panel", run: () => togglePanel("panel") },
  { keys: "/", does: "Write a message", run: () => document.getElementById("composer")?.focus() },
];
