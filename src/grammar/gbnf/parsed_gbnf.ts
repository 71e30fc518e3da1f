import type { Scanner } from "./scanner.ts";

/** Elements of a rule that are not rule ids. */
export const CHARACTER = -1;
export const OR = -2;
export const END = -3;
export const TOKEN = -5;
/** Any token except one. */
export const NEGATED_TOKEN = -4;

/**
 * A rule's alternatives as one list: elements, `OR` between alternatives, `END` after the last.
 */
export type Elements = readonly number[];

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
