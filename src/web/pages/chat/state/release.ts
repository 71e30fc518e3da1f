import { effect } from "@preact/signals";
import { current, isWritten, openedIds, releaseConversation, writes } from "./conversations.ts";
import { liveAnswers } from "./live_answers.ts";

/**
 * Drops conversations from memory that are not shown, whose answers ended, and which the history has: their
 * images and sounds can have many megabytes. Who has just read one from the history shows or changes it before
 * a timer runs.
 */
function releaseAll(): void {
  const running = new Set([...liveAnswers.peek().values()].map(({ conversation }) => conversation));
  for (const id of openedIds()) {
    if (id !== current.peek().peek().id && !running.has(id) && isWritten(id)) {
      releaseConversation(id);
    }
  }
}

/** Releases conversations whenever one is left, an answer ends or a write to the history succeeds. */
export function startReleasing(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    void [current.value, liveAnswers.value, writes.value];
    clearTimeout(timer);
    timer = setTimeout(releaseAll);
  });
}
