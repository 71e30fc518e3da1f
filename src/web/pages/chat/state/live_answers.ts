import { type Signal, signal } from "@preact/signals";
import type { AnswerText, Piece } from "../../../live/mod.ts";
import { FrameBudget } from "./frame_budget.ts";
import { current, hasMessage, historyOf, keep, reading } from "./conversations.ts";

/** A running answer. */
export interface Live {
  readonly conversation: string;
  /** Name of the answer on the server, which has it before its id: the id of its message. */
  readonly name: string;
  /** Id of the answer on the server; null before the server named it. */
  readonly id: string | null;
  readonly text: AnswerText;
  /** Changes with the text, at most once for each frame of the screen. */
  readonly version: Signal<number>;
  readonly isPaused: Signal<boolean>;
  /** When the first token came, in milliseconds of `performance.now`; null before. */
  began: number | null;
  /** The user stopped it: the server reports the same reason as for an answer that is complete. */
  isStopped: boolean;
}

/** The running answers by the ids of their messages. */
export const liveAnswers = signal<ReadonlyMap<string, Live>>(new Map());

/** Shows an answer as running. */
export function setLive(message: string, live: Live): void {
  liveAnswers.value = new Map(liveAnswers.value).set(message, live);
}

/** Ends the display of an answer as running, and keeps its tokens. */
export function endLive(message: string): void {
  const live = liveAnswers.value.get(message);
  if (live === undefined) return;
  const rest = new Map(liveAnswers.value);
  rest.delete(message);
  liveAnswers.value = rest;
  const { pieces } = live.text;
  if (pieces.length === 0 || !hasMessage(live.conversation, message)) return;
  known.set(message, [...pieces]);
  const written = historyOf()?.writeTokens(live.conversation, message, [...pieces]);
  if (written !== undefined) keep(written);
}

/** Running answers whose text changed since it was shown. */
const changed = new Set<Live>();

const frames = new FrameBudget();

/**
 * Shows the new text of an answer with the next frame of the screen. Where a frame takes the browser too long,
 * the one after it shows nothing new, so that keys and scrolling have their frames.
 */
export function touch(live: Live): void {
  live.began ??= performance.now();
  if (changed.size === 0) frames.request(showChanged);
  changed.add(live);
}

function showChanged(): void {
  const all = [...changed];
  changed.clear();
  for (const { version } of all) version.value++;
}

/** Tokens of answers that ended, by the ids of their messages. */
const known = new Map<string, readonly Piece[]>();

/** The tokens of an ended answer of the shown conversation; empty where they were not kept. */
export async function piecesOf(message: string): Promise<readonly Piece[]> {
  const found = known.get(message);
  if (found !== undefined) return found;
  const read = await reading(historyOf()?.readTokens(current.peek().peek().id, message), []);
  known.set(message, read);
  return read;
}
