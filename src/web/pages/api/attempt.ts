import { apiUrl, key } from "../../api/mod.ts";
import type { Asked } from "./snippets.ts";

/** Characters of a response that are shown. */
const MOST_CHARACTERS = 200_000;

/** A response as far as it has come. */
export interface Attempt {
  readonly state: "running" | "done" | "stopped" | "failed";
  /** Absent before the response. */
  readonly status?: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
  /** The response is longer than what is shown. */
  readonly isCut: boolean;
  readonly milliseconds: number;
}

/** Headers of responses that tell something about the request. */
const SHOWN_HEADERS = /^(content-type|retry-after|x-request-id|x-shimmy-.*|.*ratelimit.*)$/;

/** Sends a request as it is, and reports the response while it comes. Error statuses are responses. */
export async function attempt(
  { method, headers, body }: Asked,
  path: string,
  signal: AbortSignal,
  report: (attempt: Attempt) => void,
): Promise<void> {
  const start = performance.now();
  let now: Attempt = { state: "running", headers: [], text: "", isCut: false, milliseconds: 0 };
  const set = (values: Partial<Attempt>) => {
    now = { ...now, milliseconds: performance.now() - start, ...values };
    report(now);
  };
  set({});
  try {
    const response = await fetch(apiUrl(path), {
      method,
      headers: {
        ...headers,
        ...(key.value === null ? {} : { authorization: `Bearer ${key.value}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const shown = [...response.headers].filter(([name]) => SHOWN_HEADERS.test(name));
    set({ status: response.status, headers: shown });
    const reader = response.body?.pipeThrough(
      new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>,
    ).getReader();
    for (let part; reader && !(part = await reader.read()).done;) {
      const text = now.text + part.value;
      set({
        text: text.slice(0, MOST_CHARACTERS),
        isCut: now.isCut || text.length > MOST_CHARACTERS,
      });
    }
    set({ state: "done", text: pretty(now) });
  } catch (error) {
    if (signal.aborted) return set({ state: "stopped" });
    set({ state: "failed", text: error instanceof Error ? error.message : String(error) });
  }
}

/** JSON with line breaks; other text as it is. */
function pretty({ text, isCut }: Attempt): string {
  if (isCut) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
