import { batch, signal } from "@preact/signals";
import type { Entry, EventData, FinishedRequest, Status } from "./types.ts";
import { type EntryEvent, entryOf } from "./entry.ts";

/** Seconds of the history of rates. */
const HISTORY = 120;
const MOST_ENTRIES = 300;
const MOST_REQUESTS = 50;

/** Rates at one second. */
export interface Point {
  readonly prompt: number;
  readonly completion: number;
}

/** The latest status; null before the first one. */
export const status = signal<Status | null>(null);

/** When the latest status came, by `performance.now()`. */
export const statusAt = signal(0);

/** Rates of the last two minutes, the oldest first. */
export const history = signal<readonly Point[]>([]);

/** The latest lines of the log, the oldest first. */
export const entries = signal<readonly Entry[]>([]);

/** The latest requests, the newest first. */
export const requests = signal<readonly FinishedRequest[]>([]);

let lastId = 0;

/** Takes an event into the state. */
export function receive<N extends keyof EventData>(name: N, data: EventData[N]): void {
  if (name === "status") {
    const next = data as Status;
    const point = { prompt: next.prompt_per_second, completion: next.completion_per_second };
    batch(() => {
      status.value = next;
      statusAt.value = performance.now();
      history.value = [...history.value, point].slice(-HISTORY);
    });
  } else if (name === "request") {
    requests.value = [data as FinishedRequest, ...requests.value].slice(0, MOST_REQUESTS);
  } else {
    const entry = { id: ++lastId, ...entryOf(name as EntryEvent, data as EventData[EntryEvent]) };
    entries.value = [...entries.value, entry].slice(-MOST_ENTRIES);
  }
}

/** Drops what another connection told: a new one begins with the latest log lines. */
export function forget(): void {
  batch(() => {
    status.value = null;
    history.value = [];
    entries.value = [];
  });
}
