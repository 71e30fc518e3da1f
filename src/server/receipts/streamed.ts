/** Members that are added to a response. */
type Members = Readonly<Record<string, unknown>>;

type Json = Record<string, unknown>;

/** Fields of a chunk that the chunk with the receipt repeats. */
const CHUNK_FIELDS = ["id", "object", "created", "model", "system_fingerprint"];

/** Types of events that end a stream and have the response as a member. */
const RESPONSE_ENDS = ["response.completed", "response.incomplete"];

/**
 * Adds receipts to the last event of a stream of any dialect:
 *
 * - Anthropic: `message_stop`;
 * - responses: the response of `response.completed`;
 * - Ollama and NDJSON: the object with `"done": true`;
 * - other OpenAI streams: a chunk without choices before `[DONE]`;
 * - text streams: an event `receipt` before `[DONE]`;
 * - streams of llama.cpp's completions, which have no mark of the end: an event `receipt` at the end.
 */
export class StreamedReceipts {
  readonly #members: () => Promise<Members>;
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  /** The beginning of a line whose end has not come yet. */
  #rest = "";
  /** Of the first chunk. */
  #chunk: Json | null = null;
  #isAdded = false;
  #hasEvents = false;

  /** @param members Called once, when the answer is complete. */
  constructor(members: () => Promise<Members>) {
    this.#members = members;
  }

  /** The bytes to send in place of these. */
  async push(bytes: Uint8Array): Promise<Uint8Array> {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop()!;
    let text = "";
    for (const line of lines) text += `${await this.#line(line)}\n`;
    return this.#encoder.encode(text);
  }

  /** The bytes to send after the last ones. */
  async end(): Promise<Uint8Array> {
    const rest = this.#rest === "" ? "" : await this.#line(this.#rest);
    const isUnmarked = this.#hasEvents && this.#chunk === null && !this.#isAdded;
    return this.#encoder.encode(rest + (isUnmarked ? await this.#beforeEnd() : ""));
  }

  async #line(line: string): Promise<string> {
    if (this.#isAdded) return line;
    if (line === "data: [DONE]") return await this.#beforeEnd() + line;
    const prefix = line.startsWith("data: ") ? "data: " : "";
    this.#hasEvents ||= prefix !== "";
    if (!line.startsWith(`${prefix}{`)) return line;
    this.#chunk ??= chunkOf(line.slice(prefix.length));
    if (!mayEnd(line)) return line;
    const value = objectOf(line.slice(prefix.length));
    const added = value === null ? null : await this.#added(value);
    return added === null ? line : prefix + JSON.stringify(added);
  }

  /** The last object of a stream with the members; null for another object. */
  async #added(value: Json): Promise<Json | null> {
    const { type, done, response } = value;
    if (done === true || type === "message_stop") return { ...value, ...await this.#take() };
    if (typeof type !== "string" || !RESPONSE_ENDS.includes(type)) return null;
    return { ...value, response: { ...response as Json, ...await this.#take() } };
  }

  /** Events before the mark that ends a stream. */
  async #beforeEnd(): Promise<string> {
    const members = await this.#take();
    if (Object.keys(members).length === 0) return "";
    if (this.#chunk === null) return `event: receipt\ndata: ${JSON.stringify(members)}\n\n`;
    const fields = Object.entries(this.#chunk).filter(([name]) => CHUNK_FIELDS.includes(name));
    const chunk = { ...Object.fromEntries(fields), choices: [], ...members };
    return `data: ${JSON.stringify(chunk)}\n\n`;
  }

  #take(): Promise<Members> {
    this.#isAdded = true;
    return this.#members();
  }
}

/** A chunk of OpenAI's streams; null for another object, or for text that looks like one. */
function chunkOf(text: string): Json | null {
  const value = objectOf(text);
  return typeof value?.object === "string" ? value : null;
}

/** Whether a line may be the last object of a stream, without parsing it. */
function mayEnd(line: string): boolean {
  return line.includes('"done":true') || line.includes('"type":"message_stop"') ||
    RESPONSE_ENDS.some((type) => line.includes(`"type":"${type}"`));
}

function objectOf(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Json : null;
  } catch {
    return null;
  }
}
