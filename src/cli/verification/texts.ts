import { isObject, type ResponseValues } from "./response.ts";

/** A piece of text, and the index of the answer that it belongs to. */
type Piece = readonly [answer: number, text: string];

/**
 * The texts of the answers in a response of any dialect, in their order. Reasoning, tool calls and the token
 * events of the native API are left out.
 */
export function answerTexts({ values, isStream }: ResponseValues): string[] {
  const texts: string[] = [];
  for (const [position, value] of values.entries()) {
    // The values of a list are answers; those of a stream are parts of one, unless they have an index.
    for (const [answer, text] of piecesOf(value, isStream ? 0 : position)) {
      texts[answer] = (texts[answer] ?? "") + text;
    }
  }
  return Array.from(texts, (text) => text ?? "");
}

/**
 * How the text of a response differs from the one that was computed again: both from the first difference
 * on. Null if they are equal, or if one of them is missing.
 */
export function otherText(
  given: string | undefined,
  computed: string | undefined,
): { readonly given: string; readonly computed: string } | null {
  // Streams may keep the white space at an end that a whole answer does not have.
  const [then, now] = [given?.trim(), computed?.trim()];
  if (!then || now === undefined || then === now) return null;
  const at = firstDifference(then, now);
  return { given: then.slice(at), computed: now.slice(at) };
}

function piecesOf(value: unknown, answer: number): Piece[] {
  if (!isObject(value)) return [];
  const { choices, index, response, message, content, output, delta, type, text } = value;
  // OpenAI's chat and completions.
  if (Array.isArray(choices)) return choices.filter(isObject).flatMap(choicePieces);
  // OpenAI's responses: the events before the last one repeat its text.
  if (isObject(response)) return isEnd(type) ? piecesOf(response, answer) : [];
  if (Array.isArray(output)) return [[answer, output.map(blocksText).join("")]];
  // Anthropic's messages.
  if (type === "content_block_delta") return isObject(delta) ? pieces(answer, delta.text) : [];
  if (Array.isArray(content)) return [[answer, blocksText(value)]];
  // Ollama and the native API.
  if (isObject(message)) return pieces(answer, message.content);
  if (typeof response === "string") return [[answer, response]];
  // Transcripts, and the last events of their streams.
  if (isTranscript(value) && typeof text === "string") return [[answer, text]];
  // llama.cpp's completions.
  return pieces(typeof index === "number" ? index : answer, content);
}

/** Whether an object with a text may be a transcript: the events of the native API have texts too. */
function isTranscript(value: Readonly<Record<string, unknown>>): boolean {
  if (value.type !== undefined) return value.type === "transcript.text.done";
  return !("forked" in value) && !("rewind" in value);
}

function choicePieces({ index, text, message, delta }: Readonly<Record<string, unknown>>): Piece[] {
  const answer = typeof index === "number" ? index : 0;
  const said = [message, delta].find(isObject);
  return pieces(answer, said === undefined ? text : said.content);
}

function pieces(answer: number, text: unknown): Piece[] {
  return typeof text === "string" ? [[answer, text]] : [];
}

/** The text of the blocks of a message. Reasoning of responses has blocks of another type. */
function blocksText(message: unknown): string {
  if (!isObject(message) || !Array.isArray(message.content)) return "";
  return message.content.filter(isObject)
    .filter(({ type }) => type === "text" || type === "output_text")
    .map(({ text }) => String(text)).join("");
}

function isEnd(type: unknown): boolean {
  return type === "response.completed" || type === "response.incomplete";
}

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}
