/** Inputs for the facts about real models. */
import type { Conversation } from "./conversations.ts";
import { AWKWARD_TEXTS, type GoldenText } from "./inputs.ts";

/** Texts in many scripts to tokenize; short, because a fact has the ids of all tokens. */
export const REAL_TEXTS: readonly GoldenText[] = AWKWARD_TEXTS.filter(({ times }) =>
  times === undefined
);

const ANIMALS = ["fox", "heron", "otter", "mole", "crow", "hare", "toad", "newt", "owl", "wren"];
const PLACES = ["river", "mill", "old bridge", "market", "harbour", "quarry", "chapel"];
const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** A diary of many lines: 27 lines are longer than a sliding window of 512 tokens. */
export function diary(lines: number): string {
  const line = (index: number) =>
    `${index + 1}. On ${DAYS[index % 7]} the ${ANIMALS[index % 10]} went to the ` +
    `${PLACES[index * 3 % 7]} and met the ${ANIMALS[(index * 7 + 3) % 10]}.\n`;
  return Array.from({ length: lines }, (_, index) => line(index)).join("");
}

/** A prompt: lines of the diary, then other text. */
export interface RealPrompt {
  readonly lines: number;
  readonly end: string;
}

/** The whole text of a prompt. */
export function expandPrompt({ lines, end }: RealPrompt): string {
  return diary(lines) + end;
}

const plain = (...texts: string[]): RealPrompt[] => texts.map((end) => ({ lines: 0, end }));

/**
 * Prompts that share prefixes, in this order: a long one, the same with another end (an edit), one
 * that branches off early, and one that goes on from the first.
 */
const BRANCHES: readonly RealPrompt[] = [
  { lines: 30, end: "31. On Wednesday the" },
  { lines: 27, end: "28. On Monday the fox" },
  { lines: 14, end: "15. On Monday the heron went" },
  { lines: 31, end: "32. On" },
];

/** Prompts for a base model. */
export const BASE_PROMPTS: readonly RealPrompt[] = [
  ...plain(
    "The capital of France is",
    "Die Hauptstadt von Deutschland ist",
    "日本の首都は",
    "Столица России —",
    "def fibonacci(n):\n    ",
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10,",
    "Water freezes at 0 degrees Celsius and boils at",
  ),
  ...BRANCHES,
];

const chat = (user: string) =>
  "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face" +
  `<|im_end|>\n<|im_start|>user\n${user}<|im_end|>\n<|im_start|>assistant\n`;

/** Prompts for a model with ChatML. */
export const CHAT_PROMPTS: readonly RealPrompt[] = [
  ...plain(
    chat("Why is the sky blue?"),
    chat("Write a poem about the sea."),
    chat("Name three colors."),
    chat("Wer war Johann Sebastian Bach?"),
    chat("Translate to French: good morning"),
    chat("¿Cuál es la capital de España?"),
    chat("What is 12 + 30?"),
    "Once upon a time",
    "The capital of Italy is Rome. The capital of Spain is",
  ),
  ...BRANCHES,
];

/** Conversations without tools, which the template of SmolLM2 does not know. */
export const isRendered = ({ tools }: Conversation): boolean => tools.length === 0;

/** Questions whose answer must be a call. */
export const CALL_QUESTIONS: readonly string[] = [
  "What is the weather in Paris?",
  "What time is it in UTC?",
  "Will it rain in Oslo during the next 3 days?",
];

/** Texts to embed. */
export const REAL_EMBEDDED: readonly string[] = [
  "A red fox crosses the road.",
  "今天天气很好，我们去公园吧。",
];

/** Tokens of a chunk, and number of chunks, for perplexity. */
export const PERPLEXITY = { chunk: 128, chunks: 3 } as const;

/** Prose to score: 128 tokens of context, three times. */
export const PROSE = `A lighthouse is a tower with a bright lamp at its top. It warns ships of rocks
and shows them the way into a harbour. In earlier times a keeper lived beside the tower. Every evening
the keeper climbed the stairs, cleaned the glass and lit the lamp, and every morning the lamp was put
out again. During a storm nobody slept, because the lamp had to burn until daylight. Today most lamps
are electric and switch themselves on when the sun goes down.

The shape of a tower depends on its place. A tower on a high cliff can be short, because the cliff
lifts the lamp. A tower on a sandbank has to be tall, and its foundation must stand on firm ground deep
below the sand. Waves push against the walls from every side, so the walls are thick and round. Some
towers are painted with red and white stripes, so that sailors can tell them apart by day. At night the
rhythm of the flashes tells them apart: one tower flashes twice in ten seconds, another tower once in
five seconds, and a list of lights has the rhythm of each.

A lens makes the light strong. A plain lamp sends its light in all directions, and most of it is lost
in the sky. The lens has rings of glass that bend the light towards the horizon. With such a lens a
small flame can be seen from a distance of thirty kilometres. The lens is heavy, and in old towers it
floats in a bath of mercury, so that a clockwork can turn it with little force.

Ships now find their way with the help of satellites, and many lighthouses have been closed. Some of
them are museums, and a few are hotels. Still, sailors like to see a light that they know, for it tells
them that the harbour is near and that the journey is almost over.
`;
