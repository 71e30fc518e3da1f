import { conversationOf, historyOf } from "./conversations.ts";
import { liveAnswers } from "./live_answers.ts";

const STORED = "shimmy.streams";

/** Milliseconds between two writes of a running answer to the history. */
const WRITE_MS = 1_000;

/** A stream that runs on the server. */
export interface RunningStream {
  readonly conversation: string;
  readonly stream: string;
}

/** The streams that ran when the page was left. */
export function runningStreams(): readonly RunningStream[] {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "[]");
  } catch {
    return [];
  }
}

function write(streams: readonly RunningStream[]): void {
  if (streams.length === 0) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, JSON.stringify(streams));
}

/** Notes a stream, so that the next visit of the page takes it up. */
export function remember(running: RunningStream): void {
  forget(running.stream);
  write([...runningStreams(), running]);
  writer ??= setInterval(writeTexts, WRITE_MS);
}

export function forget(stream: string): void {
  write(runningStreams().filter((one) => one.stream !== stream));
  if (liveAnswers.value.size > 0 || writer === null) return;
  clearInterval(writer);
  writer = null;
}

const PAUSED = "shimmy.paused";

/** Whether an answer was paused when the page was left. */
export function wasPaused(answer: string): boolean {
  return (localStorage.getItem(PAUSED) ?? "").split(" ").includes(answer);
}

/** Notes which answers are paused; the ids of answers contain no spaces. */
export function notePaused(): void {
  const paused = [...liveAnswers.value.values()].filter(({ isPaused }) => isPaused.value);
  localStorage.setItem(PAUSED, paused.map(({ id }) => id).join(" "));
}

let writer: ReturnType<typeof setInterval> | null = null;

/** Writes the texts of running answers to the history, in case that the server loses them. */
async function writeTexts(): Promise<void> {
  for (const [id, { conversation, text }] of liveAnswers.value) {
    const message = (await conversationOf(conversation))?.value.messages.get(id);
    if (message === undefined || !liveAnswers.value.has(id)) continue;
    const { content, reasoning } = text;
    const written = { ...message, content, ...(reasoning === "" ? {} : { reasoning }) };
    await historyOf()?.writeMessage(conversation, written);
  }
}
