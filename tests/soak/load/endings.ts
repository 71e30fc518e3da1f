/** How a response ended, as its dialect defines it. */
export type Ending =
  | { readonly is: "complete" }
  /** The dialect's own error. */
  | { readonly is: "error"; readonly message: string }
  /** Neither: the answer is lost. */
  | { readonly is: "broken"; readonly why: string };

/** Reads the ending of a whole response body. */
export type ReadEnding = (body: string) => Ending;

const COMPLETE: Ending = { is: "complete" };

/** One JSON object, with an error or with what `isWhole` accepts. */
export function json(isWhole: (value: never) => boolean): ReadEnding {
  return (body) => {
    const value = parsed(body);
    const message = errorOf(value);
    if (message !== null) return { is: "error", message };
    return holds(isWhole, value) ? COMPLETE : broken(body);
  };
}

/** Lines of JSON, the last of which is an error or says that the answer is done. */
export const lines: ReadEnding = (body) => {
  if (!body.endsWith("\n")) return broken(body);
  const last = parsed(body.trimEnd().split("\n").at(-1)!) as { done?: unknown } | null;
  const message = errorOf(last);
  if (message !== null) return { is: "error", message };
  return last?.done === true ? COMPLETE : broken(body);
};

/** Server-sent events that end with `[DONE]` or with an error. */
export const events: ReadEnding = (body) => {
  const last = lastEvent(body);
  if (last?.data === "[DONE]") return COMPLETE;
  return errorOrBroken(last, body);
};

/** Server-sent events, the last of which has one of these types, or is an error. */
export function typedEvents(...types: string[]): ReadEnding {
  return (body) => {
    const last = lastEvent(body);
    const { type } = (parsed(last?.data ?? "") ?? {}) as { type?: string };
    if (type !== undefined && types.includes(type)) return COMPLETE;
    return errorOrBroken(last, body);
  };
}

interface SentEvent {
  readonly data: string;
}

/** The last event that is not a comment; null if the text does not end with a whole event. */
function lastEvent(body: string): SentEvent | null {
  if (!body.endsWith("\n\n")) return null;
  const last = body.trimEnd().split("\n\n").filter((event) => !event.startsWith(":")).at(-1);
  const data = last?.split("\n").find((line) => line.startsWith("data: "));
  return data === undefined ? null : { data: data.slice("data: ".length) };
}

function errorOrBroken(event: SentEvent | null, body: string): Ending {
  const message = event === null ? null : errorOf(parsed(event.data));
  return message === null ? broken(body) : { is: "error", message };
}

/** The message of an error in the shape of any dialect; null for anything else. */
export function errorOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return null;
  const { error, response, type, message } = value as Record<string, unknown>;
  if (typeof error === "string") return error;
  const text = (error as { message?: unknown } | null | undefined)?.message;
  if (typeof text === "string") return text;
  // The Responses API: an event with a failed response, or an event of its own.
  if (type === "response.failed") return errorOf(response);
  return type === "error" && typeof message === "string" ? message : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function holds(isWhole: (value: never) => boolean, value: unknown): boolean {
  try {
    return isWhole(value as never);
  } catch {
    return false;
  }
}

function broken(body: string): Ending {
  const end = body.length === 0 ? "nothing" : JSON.stringify(body.slice(-160));
  return { is: "broken", why: `it ends with ${end}` };
}
