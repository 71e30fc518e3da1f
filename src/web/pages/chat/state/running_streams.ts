import { keepsTexts, keepText, keptText } from "../../../kept/mod.ts";
import { conversationOf, historyOf, keep } from "./conversations.ts";
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
    const kept: unknown = JSON.parse(keptText("always", STORED) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isRunningStream) : [];
  } catch {
    return [];
  }
}

function isRunningStream(value: unknown): value is RunningStream {
  const { conversation, stream } = (value ?? {}) as Partial<RunningStream>;
  return typeof conversation === "string" && typeof stream === "string";
}

function write(streams: readonly RunningStream[]): void {
  keepText("always", STORED, streams.length === 0 ? null : JSON.stringify(streams));
}

/** Whether the next visit of the page takes up what runs. Otherwise nobody could stop it then. */
export function isRemembered(): boolean {
  return historyOf() !== null && keepsTexts();
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
