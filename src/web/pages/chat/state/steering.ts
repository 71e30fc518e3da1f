import { ApiError } from "../../../api/mod.ts";
import { control, type ControlFields } from "../../../live/mod.ts";
import { announce } from "../../../ui/mod.ts";
import { type Live, liveAnswers } from "./live_answers.ts";
import { notePaused } from "./running_streams.ts";

/** The running answers of a conversation that the server has named. */
export function liveOf(conversation: string): (Live & { readonly id: string })[] {
  return [...liveAnswers.value.values()].filter((live) =>
    live.conversation === conversation && live.id !== null
  ) as (Live & { readonly id: string })[];
}

/** Steers an answer; tells the user why the server refuses. @returns whether it was done. */
export async function steer(id: string, fields: ControlFields): Promise<boolean> {
  try {
    await control(id, fields);
    return true;
  } catch (error) {
    // The answer ended meanwhile.
    if (error instanceof ApiError && [404, 409].includes(error.status)) return false;
    const reason = error instanceof Error ? error.message : String(error);
    announce(`The answer cannot be steered: ${reason}`, { isError: true });
    return false;
  }
}

async function steerAll(conversation: string, fields: ControlFields): Promise<Live[]> {
  const all = liveOf(conversation);
  const done = await Promise.all(all.map(({ id }) => steer(id, fields)));
  return all.filter((_, index) => done[index]);
}

/** Stops the running answers of a conversation. */
export async function stopAnswers(conversation: string): Promise<void> {
  const all = [...liveAnswers.value.values()].filter((live) => live.conversation === conversation);
  await Promise.all(all.map(stopAnswer));
}

/** Stops an answer; one that the server does not know yet is stopped when it tells its id. */
export async function stopAnswer(live: Live): Promise<void> {
  live.isStopped = true;
  await steer(live.id ?? live.name, { stop: true });
}

/** Pauses the running answers of a conversation. */
export async function pauseAnswers(conversation: string): Promise<void> {
  for (const { isPaused } of await steerAll(conversation, { pause: true })) isPaused.value = true;
  notePaused();
}

/** Lets paused answers of a conversation go on. */
export async function resumeAnswers(conversation: string): Promise<void> {
  for (const { isPaused } of await steerAll(conversation, { resume: true })) isPaused.value = false;
  notePaused();
}

/** Milliseconds without a change of a slider after which its value is sent. */
const SETTLE_MS = 120;

const waiting = new Map<string, ReturnType<typeof setTimeout>>();

/** Sends a sampling field to the running answers of a conversation when it no longer changes. */
export function steerSampling(conversation: string, field: string, value: number): void {
  const key = `${conversation} ${field}`;
  clearTimeout(waiting.get(key));
  waiting.set(
    key,
    setTimeout(() => {
      waiting.delete(key);
      void steerAll(conversation, { [field]: value });
    }, SETTLE_MS),
  );
}
