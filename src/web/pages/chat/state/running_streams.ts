import { keepsTexts, keepText, keptText } from "../../../kept/mod.ts";
import { dropStream, noteStream, type RunningStream } from "../../../storage/mod.ts";
import { conversationOf, historyOf, keep } from "./conversations.ts";
import { liveAnswers } from "./live_answers.ts";

/** Milliseconds between two writes of a running answer to the history. */
const WRITE_MS = 1_000;

/** Whether the next visit of the page takes up what runs. Otherwise nobody could stop it then. */
export function isRemembered(): boolean {
  return historyOf() !== null && keepsTexts();
}

/** Notes a stream, so that the next visit of the page takes it up. */
export function remember(running: RunningStream): void {
  noteStream(running);
  writer ??= setInterval(writeTexts, WRITE_MS);
}

export function forget(running: RunningStream): void {
  dropStream(running);
  if (liveAnswers.value.size > 0 || writer === null) return;
  clearInterval(writer);
  writer = null;
}

const PAUSED = "shimmy.paused";

/** Whether an answer was paused when the page was left. */
export function wasPaused(answer: string): boolean {
  return (keptText("always", PAUSED) ?? "").split(" ").includes(answer);
}

/** Notes which answers are paused; the ids of answers contain no spaces. */
export function notePaused(): void {
  const paused = [...liveAnswers.value.values()].filter(({ isPaused }) => isPaused.value);
  keepText("always", PAUSED, paused.map(({ id }) => id).join(" "));
}

let writer: ReturnType<typeof setInterval> | null = null;

/** Writes the texts of running answers to the history, in case that the server loses them. */
async function writeTexts(): Promise<void> {
  for (const [id, { conversation, text }] of liveAnswers.value) {
    const message = (await conversationOf(conversation))?.value.messages.get(id);
    if (message === undefined || !liveAnswers.value.has(id)) continue;
    const { content, reasoning } = text;
    const written = { ...message, content, ...(reasoning === "" ? {} : { reasoning }) };
    const kept = historyOf()?.writeMessage(conversation, written);
    if (kept !== undefined) keep(kept);
  }
}
