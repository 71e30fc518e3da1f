/** One streamed answer as seen by a client. Times are `performance.now()`. */
export interface Answer {
  readonly sent: number;
  /** Arrival time of each piece of text. */
  readonly times: readonly number[];
  readonly text: string;
  /** Number of tokens as reported by the server. */
  readonly tokens: number;
  readonly promptTokens: number;
}

/** Timeout of an answer in milliseconds: a prompt of 32,768 tokens takes more than ten minutes on two cores. */
const LIMIT_MS = 3_600_000;

interface Chunk {
  readonly choices?: readonly {
    readonly text?: string;
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string | null;
    };
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: unknown;
}

/** A chunk of the response body. */
interface Received {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * Streams one answer over HTTP and SSE (`/v1/completions` or `/v1/chat/completions`).
 *
 * Chunks are stored with their arrival times and parsed at the end, because parsing would compete
 * with servers that compute on all cores.
 *
 * @param onPiece called for each chunk with the number of events so far, about one per token.
 * @throws {Error} if the server refuses, or the stream breaks off.
 */
export async function stream(
  url: string,
  body: Readonly<Record<string, unknown>>,
  onPiece?: (count: number) => void,
): Promise<Answer> {
  const sent = performance.now();
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  if (!response.ok || response.body === null) {
    throw new Error(`${response.status} from ${url}: ${(await response.text()).slice(0, 500)}`);
  }
  const received: Received[] = [];
  const reader = response.body.getReader();
  const count = eventCounter();
  for (let result; !(result = await reader.read()).done;) {
    received.push({ at: performance.now(), bytes: result.value });
    if (onPiece !== undefined) onPiece(count(result.value));
  }
  return { sent, ...answerOf(received, url) };
}

/** Counts the events in the chunks so far: an empty line ends each. */
function eventCounter(): (bytes: Uint8Array) => number {
  let count = 0;
  let isLineEnd = false;
  return (bytes) => {
    for (const byte of bytes) {
      const isNewline = byte === 0x0a;
      if (isNewline && isLineEnd) count++;
      isLineEnd = isNewline;
    }
    return count;
  };
}

function answerOf(received: readonly Received[], url: string): Omit<Answer, "sent"> {
  const times: number[] = [];
  const texts: string[] = [];
  let usage: NonNullable<Chunk["usage"]> | null = null;
  for (const { at, data } of events(received)) {
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error) throw new Error(`${url} failed: ${JSON.stringify(chunk.error).slice(0, 500)}`);
    usage = chunk.usage ?? usage;
    const choice = chunk.choices?.[0];
    const text = choice?.text ?? choice?.delta?.content ?? choice?.delta?.reasoning_content;
    if (!text) continue;
    texts.push(text);
    times.push(at);
  }
  if (usage === null) throw new Error(`${url} ended without its usage`);
  return {
    times,
    text: texts.join(""),
    tokens: usage.completion_tokens,
    promptTokens: usage.prompt_tokens,
  };
}

/** Data of each event until `[DONE]`, with the arrival time of its end. */
function* events(received: readonly Received[]): Generator<{ at: number; data: string }> {
  const decoder = new TextDecoder();
  let rest = "";
  for (const { at, bytes } of received) {
    rest += decoder.decode(bytes, { stream: true });
    let end = rest.indexOf("\n\n");
    for (; end >= 0; end = rest.indexOf("\n\n")) {
      const event = rest.slice(0, end);
      rest = rest.slice(end + 2);
      if (!event.startsWith("data: ")) continue;
      const data = event.slice("data: ".length);
      if (data === "[DONE]") return;
      yield { at, data };
    }
  }
  throw new Error("The stream ended before [DONE]");
}

/** Milliseconds from the request to the first text. */
export function firstToken({ sent, times }: Answer): number {
  const first = times[0];
  if (first === undefined) throw new Error("The answer is empty");
  return first - sent;
}

/** Milliseconds between successive pieces of text. */
export function gaps({ times }: Answer): number[] {
  return times.slice(1).map((time, index) => time - times[index]!);
}

/**
 * Mean milliseconds per token after the first one. Unlike gaps, the mean does not depend on how many
 * tokens a server sends at once.
 */
export function timePerToken({ times, tokens }: Answer): number {
  if (times.length < 2) throw new Error("The answer is too short to measure");
  return (times.at(-1)! - times[0]!) / (tokens - 1);
}

/** Tokens per second after the first token. */
export function decodeRate(answer: Answer): number {
  return 1000 / timePerToken(answer);
}
