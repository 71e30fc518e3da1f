import type { Entry, EventData } from "./types.ts";

/** The name of an event that is a line of the page's log. */
export type EntryEvent = "error" | "log" | "model" | "pull";

/** The text of a line that the server does not show to clients. */
const WITHHELD = "A line that names a file or an address. The server's own log shows it.";

/** The line of an event, without its number. */
export function entryOf<N extends EntryEvent>(name: N, data: EventData[N]): Omit<Entry, "id"> {
  const { time } = data;
  switch (name) {
    case "error": {
      const { request_id, status, message } = data as EventData["error"];
      return { time, level: "error", text: `${message} (${status})`, requestId: request_id };
    }
    case "log": {
      const { level, message } = data as EventData["log"];
      return { time, level, text: message ?? WITHHELD };
    }
    case "model": {
      const { name, state, error } = data as EventData["model"];
      if (state !== "failed") return { time, level: "info", text: `${name} is ${state}` };
      return { time, level: "error", text: `${name} cannot be loaded: ${error ?? "no reason"}` };
    }
    default: {
      const { model, outcome, error } = data as EventData["pull"];
      const ends = { done: "is pulled", cancelled: "was cancelled", failed: `failed: ${error}` };
      const level = outcome === "failed" ? "error" : "info";
      return { time, level, text: `Pull of ${model} ${ends[outcome]}` };
    }
  }
}
