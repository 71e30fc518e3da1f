/** Arrival traces: JSON lines, one request a line. docs/scale.md describes the format. */

/** Tokens of a block that `hash_ids` names. */
const BLOCK_TOKENS = 512;

/** Latest arrival: later ones have no fractions of milliseconds, so that time would stand still. */
const MOST_MS = 1e14;

/** Maximum tokens of a prompt, and of an answer. */
const MOST_TOKENS = 10_000_000;

/** A request of a trace. */
export interface TraceRequest {
  /** Arrival in milliseconds after the beginning of the trace. */
  readonly timestamp: number;
  /** Tokens of the prompt, with those of earlier turns. */
  readonly input_length: number;
  /** Tokens of the answer. */
  readonly output_length: number;
  /**
   * The conversation that the request belongs to. The prompt begins with the prompt and the answer of the
   * request before it, and is not sent before that answer is complete.
   */
  readonly conversation?: string;
  /** Blocks of 512 tokens that the prompt consists of; the last one may be cut. Equal ids are equal tokens. */
  readonly hash_ids?: readonly number[];
  /** Index of the replica that the request goes to, for the policy `recorded`. */
  readonly replica?: number;
}

const OPTIONAL = {
  conversation: (value: unknown) => typeof value === "string" && value !== "",
  hash_ids: (value: unknown) =>
    Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0),
  replica: (value: unknown) => Number.isInteger(value) && (value as number) >= 0,
};

/**
 * Reads a trace. Unknown fields are ignored.
 *
 * @returns the requests by time of arrival
 * @throws {SyntaxError} for a line that is no request, with its number
 */
export function parseTrace(text: string): TraceRequest[] {
  const requests = text.split("\n").flatMap((line, at) =>
    line.trim() === "" ? [] : [readLine(line, `Line ${at + 1} of the trace`)]
  );
  if (requests.length === 0) throw new SyntaxError("The trace is empty");
  const ordered = requests.toSorted((a, b) => a.timestamp - b.timestamp);
  checkConversations(ordered);
  return ordered;
}

function readLine(line: string, where: string): TraceRequest {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new SyntaxError(`${where} is no JSON`, { cause: error });
  }
  const fail = (field: string, allowed: string): never => {
    const found = JSON.stringify(value?.[field])?.slice(0, 60);
    throw new SyntaxError(`${where}: ${field} must be ${allowed}, not ${found}`);
  };
  const { timestamp, input_length: input, output_length: output } = value ?? {};
  if (typeof timestamp !== "number" || !(timestamp >= 0 && timestamp <= MOST_MS)) {
    fail("timestamp", `a number of milliseconds from 0 to ${MOST_MS}`);
  }
  for (const [field, count] of Object.entries({ input_length: input, output_length: output })) {
    if (!Number.isInteger(count) || (count as number) < 1 || (count as number) > MOST_TOKENS) {
      fail(field, `a whole number from 1 to ${MOST_TOKENS}`);
    }
  }
  for (const [field, isGood] of Object.entries(OPTIONAL)) {
    if (value[field] !== undefined && !isGood(value[field])) fail(field, ALLOWED[field]!);
  }
  const ids = value.hash_ids as readonly number[] | undefined;
  if (ids !== undefined && ids.length * BLOCK_TOKENS < (input as number)) {
    fail("hash_ids", `a list with a block for each ${BLOCK_TOKENS} tokens of input_length`);
  }
  if (ids !== undefined && value.conversation !== undefined) {
    fail("hash_ids", "absent where there is a conversation");
  }
  return value as unknown as TraceRequest;
}

const ALLOWED: Readonly<Record<string, string>> = {
  conversation: "a text",
  hash_ids: "a list of whole numbers of at least 0",
  replica: "a whole number of at least 0",
};

/** A prompt is longer than the conversation before it. */
function checkConversations(requests: readonly TraceRequest[]): void {
  const lengths = new Map<string, number>();
  for (const { timestamp, conversation, input_length, output_length } of requests) {
    if (conversation === undefined) continue;
    const before = lengths.get(conversation) ?? 0;
    if (input_length <= before) {
      throw new SyntaxError(
        `Conversation ${conversation} at timestamp ${timestamp}: input_length must be more than the ${before} tokens of the turns ` +
          `before, not ${input_length}`,
      );
    }
    lengths.set(conversation, input_length + output_length);
  }
}

/** The text of a trace, which {@linkcode parseTrace} reads. */
export function formatTrace(requests: readonly TraceRequest[]): string {
  return requests.map((request) => `${JSON.stringify(request)}\n`).join("");
}

/** The tokens of prompts: equal parts of requests have equal tokens, other parts have others. */
export class PromptTokens {
  readonly #conversations = new Map<string, number>();
  readonly #history = new Map<string, readonly number[]>();
  readonly #token: (part: number, at: number) => number;
  #parts = 0;

  /** @param token the token at a place of a part of the trace. By default, no two are equal. */
  constructor(token = (part: number, at: number) => part * 2 ** 24 + at) {
    this.#token = token;
  }

  /** The prompt of a request, after those of the same conversation before it were answered. */
  prompt({ input_length, conversation, hash_ids }: TraceRequest): number[] {
    if (hash_ids !== undefined) {
      // Blocks have parts of their own, below zero.
      return Array.from({ length: input_length }, (_, at) => {
        const block = hash_ids[Math.floor(at / BLOCK_TOKENS)]!;
        return this.#token(-1 - block, at % BLOCK_TOKENS);
      });
    }
    const before = conversation === undefined ? [] : this.#history.get(conversation) ?? [];
    const part = this.#partOf(conversation);
    const added = Array.from(
      { length: input_length - before.length },
      (_, at) => this.#token(part, before.length + at),
    );
    return [...before, ...added];
  }

  /** Tells the answer to a prompt, which the next prompt of the conversation begins with. */
  answered({ conversation }: TraceRequest, prompt: readonly number[], answer: readonly number[]) {
    if (conversation !== undefined) this.#history.set(conversation, [...prompt, ...answer]);
  }

  #partOf(conversation: string | undefined): number {
    if (conversation === undefined) return this.#parts++;
    const known = this.#conversations.get(conversation);
    if (known !== undefined) return known;
    this.#conversations.set(conversation, this.#parts);
    return this.#parts++;
  }
}
