import { ApiError } from "../../../api/mod.ts";
import { control } from "../../../live/mod.ts";
import { type RunningStream, runningStreams } from "../../../storage/mod.ts";
import { conversationOf, historyOf } from "./conversations.ts";
import { liveAnswers } from "./live_answers.ts";
import { Run } from "./run.ts";
import { forget } from "./running_streams.ts";

/** The conversation of an answer that ran when the page was left; null: none ran. */
export function runningConversation(): string | null {
  return runningStreams().at(-1)?.conversation ?? null;
}

/** Takes up all streams that ran when the page was left. */
export async function resumeRunning(): Promise<void> {
  // Without the history, nobody knows whether the messages of a stream were removed.
  if (historyOf() !== null) await Promise.all(runningStreams().map(resume));
}

/** Takes up a stream; stops one whose messages were removed since. */
async function resume(noted: RunningStream): Promise<void> {
  const { conversation, message } = noted;
  const all = [...(await conversationOf(conversation))?.value.messages.values() ?? []];
  const own = all.find(({ id }) => id === message);
  const stream = noted.stream ?? own?.answer?.stream;
  const messages = all.filter((one) =>
    one === own || (stream !== undefined && one.answer?.stream === stream)
  );
  if (messages.length === 0) return await stopRemoved(noted);
  // It was started while this visit of the page took up others.
  if (messages.some(({ id }) => liveAnswers.value.has(id))) return;
  if (messages.every(({ ending }) => ending !== undefined)) return forget(noted);
  const root = own ?? messages.find(({ answer }) => answer?.id === stream);
  await new Run(conversation, root).resume(stream, messages);
}

/** Stops a stream whose messages were removed; where the server cannot be reached, the next visit does so. */
async function stopRemoved(noted: RunningStream): Promise<void> {
  const { message, stream } = noted;
  try {
    // Its forks are stopped first. An answer whose id the page never knew has none.
    if (stream !== undefined) await control(stream, { keep: stream });
    await control(stream ?? message!, { stop: true });
  } catch (error) {
    const hasEnded = error instanceof ApiError && [404, 409].includes(error.status);
    if (!hasEnded) return;
  }
  forget(noted);
}
