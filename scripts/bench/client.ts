/** What one streamed answer looked like from the outside. Times are `performance.now()`. */
export interface Answer {
  readonly sent: number;
  /** When each piece of text came. */
  readonly times: readonly number[];
  readonly text: string;
  /** Tokens as the server counts them. */
  readonly tokens: number;
  readonly promptTokens: number;
}

/** Milliseconds after which an answer is given up. */
const LIMIT_MS = 600_000;

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

/** A piece of a response's body as it came from the network. */
interface Received {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * Streams one answer over HTTP and SSE, as both servers speak it (`/v1/completions` or
 * `/v1/chat/completions`).
 *
 * What comes is kept with its time and read when all of it is there: servers that compute on all cores
 * would else be measured together with their client.
 *
 * @param onPiece Called at each piece of the body with how many there were: nearly one for each token.
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
  for (let result; !(result = await reader.read()).done;) {
    received.push({ at: performance.now(), bytes: result.value });
    onPiece?.(received.length);
  }
  return { sent, ...answerOf(received, url) };
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
  if (usage === null) throw new Error(`${url} ended without telling its usage`);
  return {
    times,
    text: texts.join(""),
    tokens: usage.completion_tokens,
    promptTokens: usage.prompt_tokens,
  };
}

/** The data of each event until `[DONE]`, and when the last of it came. */
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
  throw new Error("The stream broke off before [DONE]");
}

/** Milliseconds from the request to the first text. */
export function firstToken({ sent, times }: Answer): number {
  const first = times[0];
  if (first === undefined) throw new Error("The answer is empty");
  return first - sent;
}

/** Milliseconds between neighbouring pieces of text. */
export function gaps({ times }: Answer): number[] {
  return times.slice(1).map((time, index) => time - times[index]!);
}

/** Tokens per second behind the first. */
export function decodeRate({ times, tokens }: Answer): number {
  if (times.length < 2) throw new Error("The answer is too short to measure");
  return (tokens - 1) / (times.at(-1)! - times[0]!) * 1000;
}
