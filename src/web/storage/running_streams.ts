import { keepText, keptText } from "../kept/mod.ts";

const STORED = "shimmy.streams";

/** An answer of a request, and its forks, that runs on the server. */
export interface RunningStream {
  readonly conversation: string;
  /**
   * The message of the request's own answer; its id is also the name of the answer. Absent in what an earlier
   * version of the page kept, which always has `stream`.
   */
  readonly message?: string;
  /** Id of the answer; absent before the server has told it. */
  readonly stream?: string;
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
  const { conversation, message, stream } = (value ?? {}) as Record<string, unknown>;
  const ids = [message, stream].filter((id) => id !== undefined);
  return typeof conversation === "string" && ids.length > 0 &&
    ids.every((id) => typeof id === "string");
}

/** Notes a stream; what was noted of it before is replaced. */
export function noteStream(running: RunningStream): void {
  write([...others(running), running]);
}

/** Drops a stream from the notes. */
export function dropStream(running: RunningStream): void {
  write(others(running));
}

function others({ message, stream }: RunningStream): readonly RunningStream[] {
  return runningStreams().filter((one) =>
    (message === undefined || one.message !== message) &&
    (stream === undefined || one.stream !== stream)
  );
}

function write(streams: readonly RunningStream[]): void {
  keepText("always", STORED, streams.length === 0 ? null : JSON.stringify(streams));
}
