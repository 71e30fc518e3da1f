import type { CharSet } from "../expression/mod.ts";
import type { Scanner } from "./scanner.ts";

/** Elements of a rule that are not rule ids. Characters have the numbers from here down. */
const FIRST_CHARACTER = -16;
export const OR = -2;
export const END = -3;
export const TOKEN = -5;
/** Any token except one. */
export const NEGATED_TOKEN = -4;

/** The element of the characters with an index in `ParsedGbnf.characters`. */
export function characterElement(index: number): number {
  return FIRST_CHARACTER - index;
}

/** True for an element that reads a character. */
export function isCharacter(element: number): boolean {
  return element <= FIRST_CHARACTER || element === CLASS_PART;
}

/** The characters that an element reads; null for other elements. */
export function charactersOf({ characters }: ParsedGbnf, element: number): CharSet | null {
  return element <= FIRST_CHARACTER ? characters[FIRST_CHARACTER - element]! : null;
}

/**
 * A rule's alternatives as one list: elements, `OR` between alternatives, `END` after the last.
 */
export type Elements = readonly number[];

/** A further member of the class of characters before it. */
export const CLASS_PART = -6;

/** A token that the grammar names by text. */
export interface NamedToken {
  /** Text in the vocabulary, for example `<think>`. */
  readonly text: string;
  /** Offset in the source. */
  readonly at: number;
}

/** A grammar in llama.cpp's representation. */
export interface ParsedGbnf {
  readonly scanner: Scanner;
  /** Rules by id. A rule that is used but not defined is undefined. */
  readonly rules: readonly (Elements | undefined)[];
  readonly symbols: readonly GbnfSymbol[];
  /** Ids of the rules that the source names. */
  readonly ids: ReadonlyMap<string, number>;
  readonly tokens: readonly NamedToken[];
  /** Sets of characters that elements read. */
  readonly characters: readonly CharSet[];
  /** All counted repetitions. */
  readonly repeats: readonly Repeat[];
}

/** A counted repetition of an item. */
export interface Repeat {
  readonly item: Elements;
  /** The maximum; if there is none, the minimum. */
  readonly times: number;
  readonly at: number;
}

/** The symbol of an id: a rule of the source, or a part of one that llama.cpp makes a rule. */
export interface GbnfSymbol {
  /** The rule's name. A part has the name of its rule. */
  readonly name: string;
  /** Offset of the definition; without a definition, of the first use. */
  readonly at: number;
}
