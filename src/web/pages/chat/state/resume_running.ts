import { resumeRun } from "./run.ts";
import { runningStreams } from "./running_streams.ts";

/** The conversation of an answer that ran when the page was left; null: none ran. */
export function runningConversation(): string | null {
  return runningStreams().at(-1)?.conversation ?? null;
}

/** Takes up all streams that ran when the page was left. */
export async function resumeRunning(): Promise<void> {
  await Promise.all(
    runningStreams().map(({ conversation, stream }) => resumeRun(conversation, stream)),
  );
}
