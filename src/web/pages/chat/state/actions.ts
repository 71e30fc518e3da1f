import {
  addMessage,
  choose,
  createMessage,
  type Message,
  pathOf,
  pathTo,
  type Sampling,
  siblingsOf,
} from "../../../conversation/mod.ts";
import { type Alternative, type Piece, textBefore, tokensBefore } from "../../../live/mod.ts";
import type { Attachments } from "../../../storage/mod.ts";
import { type AnswerOptions, answerRequestOf } from "./answer_request.ts";
import { change, current } from "./conversations.ts";
import { liveAnswers, piecesOf } from "./live_answers.ts";
import { startRun } from "./run.ts";
import { steer, steerSampling, stopAnswer } from "./steering.ts";
import { setCompared, view } from "./view_settings.ts";

/** Likely tokens that answers report in the place of each token while tokens are shown. */
const ALTERNATIVES = 8;

/** Starts an answer after a message. @returns the message of the answer. */
function answer(
  parent: string,
  { prefix, begin, ...options }: Partial<Pick<AnswerOptions, "model" | "prefix" | "begin">> = {},
): Message {
  const conversation = current.value.value;
  const { id } = conversation;
  const model = options.model ?? conversation.model;
  const message = createMessage({
    parent,
    role: "assistant",
    content: prefix ?? "",
    ...(model === null ? {} : { model }),
    ...(prefix === undefined ? {} : { prefix }),
  });
  const alternatives = view.tokens.value ? ALTERNATIVES : 0;
  const path = pathTo(conversation, parent);
  const request = answerRequestOf(conversation, path, { model, prefix, begin, alternatives });
  change(id, (one) => addMessage(one, message));
  startRun(id, message, request);
  return message;
}

/** Starts the answer of the chosen model, and that of a second one beside it. */
function answerAll(parent: string): void {
  const first = answer(parent);
  const second = view.secondModel.value;
  if (second === null) return;
  answer(parent, { model: second });
  setCompared(parent, true);
  change(current.value.value.id, (one) => choose(one, first.id));
}

/** Sends a message of the user at the end of the chosen branch. */
export function send(content: string, { files, media }: Attachments): void {
  const conversation = current.value.value;
  const parent = pathOf(conversation).at(-1)?.id ?? null;
  const message = createMessage({
    parent,
    role: "user",
    content,
    ...(files.length === 0 ? {} : { files }),
    ...(media.length === 0 ? {} : { media }),
  });
  change(conversation.id, (one) => addMessage(one, message));
  answerAll(message.id);
}

/** Sends the results of the tools that an answer calls, in the order of its calls. */
export function sendToolResults({ id, toolCalls = [] }: Message, results: readonly string[]): void {
  let parent = id;
  toolCalls.forEach((call, index) => {
    const content = results[index] ?? "";
    const message = createMessage({ role: "tool", parent, content, toolCallId: call.id });
    change(current.value.value.id, (one) => addMessage(one, message));
    parent = message.id;
  });
  answer(parent);
}

/** Answers the message before an answer again, in another branch. */
export function answerAgain({ parent }: Message): void {
  if (parent !== null) answerAll(parent);
}

/** Puts a changed message beside the original. A message of the user is answered. */
export function editMessage(message: Message, content: string): void {
  const { parent, role, files, media, model } = message;
  const edited = createMessage({
    parent,
    role,
    content,
    ...(files === undefined ? {} : { files }),
    ...(media === undefined ? {} : { media }),
    ...(role === "assistant" ? { ending: "stop" as const } : {}),
    ...(model === undefined ? {} : { model }),
  });
  change(current.value.value.id, (one) => addMessage(one, edited));
  if (role === "user") answerAll(edited.id);
}

/** The beginning of another answer. */
type Beginning = Pick<AnswerOptions, "prefix" | "begin">;

/** Continues an answer that ended early, in another branch. */
export async function goOn(message: Message): Promise<void> {
  const { id, parent, content, prefix, model = null } = message;
  if (parent === null) return;
  const tokens = tokensBefore(await piecesOf(id), Infinity);
  const begin = prefix === undefined && tokens !== null && tokens.length > 0;
  answer(parent, { model, ...(begin ? { begin: tokens } : { prefix: content }) });
}

/** A token of an answer, and the tokens of the answer. */
export interface Place {
  readonly message: Message;
  readonly pieces: readonly Piece[];
  readonly piece: Piece;
}

/** What comes before a place, and then `more`, as the beginning of another answer. */
function beginningOf({ message, pieces, piece }: Place, more: Replacement): Beginning {
  const tokens = tokensBefore(pieces, piece.index);
  if (message.prefix === undefined && tokens !== null && more.insert === undefined) {
    return { begin: more.token === undefined ? tokens : [...tokens, more.token] };
  }
  const prefix = (message.prefix ?? "") + textBefore(pieces, piece.index) + (more.text ?? "");
  return prefix === "" ? {} : { prefix };
}

/** What takes the place of a token; without a field, the model chooses again. */
interface Replacement {
  readonly token?: number;
  readonly insert?: string;
  /** The text of the token, or the inserted text. */
  readonly text?: string;
}

/**
 * Puts a token or a text in the place of a token and what follows it. A running answer goes on from there;
 * an ended one stays, and another branch begins as it did.
 */
async function replaceFrom(place: Place, replacement: Replacement): Promise<void> {
  const { id, parent, model = null } = place.message;
  const { text: _, ...fields } = replacement;
  const live = liveAnswers.value.get(id);
  if (live?.id && await steer(live.id, { rewind: place.piece.index, ...fields })) return;
  if (parent !== null) answer(parent, { model, ...beginningOf(place, replacement) });
}

/** Puts another token in the place of one. */
export async function pickToken(place: Place, { id, token: text }: Alternative): Promise<void> {
  await replaceFrom(place, id === undefined ? { insert: text, text } : { token: id, text });
}

/** Puts a text in the place of a token; with an empty text, the model chooses again. */
export async function insertText(place: Place, text: string): Promise<void> {
  await replaceFrom(place, text === "" ? {} : { insert: text, text });
}

/** Continues an answer in several ways from one of its tokens, side by side. */
export async function forkAnswer(place: Place, count: number): Promise<void> {
  const { id, parent, model = null } = place.message;
  const live = liveAnswers.value.get(id);
  if (live?.id && await steer(live.id, { fork: place.piece.index, n: count })) return;
  if (parent === null) return;
  for (let fork = 0; fork < count; fork++) answer(parent, { model, ...beginningOf(place, {}) });
  setCompared(parent, true);
}

/** Goes on with one of the answers that are shown side by side; the others stop. */
export async function keepAnswer(message: Message): Promise<void> {
  const conversation = current.value.value;
  change(conversation.id, (one) => choose(one, message.id));
  setCompared(message.parent, false);
  const others = siblingsOf(conversation, message).filter(({ id }) => id !== message.id);
  const running = others.flatMap(({ id }) => liveAnswers.value.get(id) ?? []);
  await Promise.all(running.map(stopAnswer));
}

/** Shows the branch of a message. */
export function showBranch(id: string): void {
  change(current.value.value.id, (one) => choose(one, id));
}

/** Shows the branch of the sibling before (-1) or after (1) a message. @returns whether there is one. */
export function stepBranch(message: Message, by: -1 | 1): boolean {
  const siblings = siblingsOf(current.value.value, message);
  const next = siblings[siblings.findIndex(({ id }) => id === message.id) + by];
  if (next === undefined) return false;
  showBranch(next.id);
  return true;
}

/** Sets a sampling field, also of running answers; null: the model's default, for the next answers. */
export function setSampling(field: keyof Sampling, value: number | null): void {
  const { id } = current.value.value;
  change(id, (conversation) => {
    const { [field]: _, ...rest } = conversation.sampling;
    return { ...conversation, sampling: value === null ? rest : { ...rest, [field]: value } };
  });
  if (value !== null && field !== "max_tokens") steerSampling(id, field, value);
}
