/** Bounds on what one schema may cost: a schema comes from whoever sends the request. */

/** Levels of objects and arrays in a schema: the compiler recurses, and its stack is finite. */
export const MAX_SCHEMA_DEPTH = 128;
/** Objects and arrays in one schema: each may become a rule. */
export const MAX_SCHEMA_NODES = 10_000;
/** Values in one `enum`: each is an alternative that every token is tried against. */
export const MAX_ENUM_VALUES = 5_000;
/** Combinations that `anyOf`, `oneOf` and `allOf` multiply out to for one value. */
export const MAX_ALTERNATIVES = 256;
/** States of one automaton (a pattern, a format, a key): each becomes a rule. */
export const MAX_STATES = 4_000;
/** A `maxLength` beside a pattern or format is counted up to here, as each character counted is a state. */
export const MAX_COUNTED_LENGTH = 1_000;
/** Positions that all states of one automaton stand for together, which bounds the time it takes. */
export const MAX_SUBSET_WORK = 2_000_000;
/** Positions of a regular expression once its counted repetitions are written out. */
export const MAX_POSITIONS = 20_000;
/** Characters of a regular expression's source. */
export const MAX_PATTERN_LENGTH = 4_096;
/** Depth of groups in a regular expression: its parser recurses. */
export const MAX_PATTERN_DEPTH = 64;
/** States an object may need to count its properties. */
export const MAX_COUNTING_STATES = 4_000;
/** Sets of key patterns are told apart by every combination of them. */
export const MAX_KEY_PATTERNS = 4;
/**
 * Repetitions of one item. llama.cpp's parser takes 2,000 and silently reads a larger maximum as
 * none; blocks of {@linkcode BLOCK} reach this far. A larger maximum is narrowed to it, a larger
 * minimum refused.
 */
export const MAX_REPETITION = 100_000;
/** Repetitions past which an item is repeated in blocks. */
export const BLOCK = 64;
/** Rules of the finished grammar as llama.cpp's parser counts them, repetitions written out. */
export const MAX_RULES = 40_000;
/** Characters of the finished grammar: it is parsed once for every sequence. */
export const MAX_GRAMMAR_LENGTH = 2_000_000;

/** Rules that one repetition of a grammar may stand for (`MAX_REPETITION_THRESHOLD` of llama.cpp). */
export const MAX_REPEATED_RULES = 2_000;
/** Depth of groups in a grammar: llama.cpp's parser recurses, and an overflow of its stack is its end. */
export const MAX_GBNF_GROUPS = 1_000;
/** Rules of a grammar that begin with one another, for the same reason. */
export const MAX_GBNF_CHAIN = 10_000;
/** Elements that the repetitions of a grammar may be written out to: each takes 8 bytes, and more than once. */
export const MAX_GBNF_ELEMENTS = 5_000_000;
/**
 * Ways in which a rule may begin. llama.cpp keeps each of them at every character and compares it with
 * all the others: with this many, that takes it half a minute.
 */
export const MAX_GBNF_WAYS = 100_000;
/**
 * Ways in which a repetition of what may be empty may begin. llama.cpp takes time with the third power of
 * them for every character: with this many some 20 ms, with a thousand ten seconds.
 */
export const MAX_EMPTY_WAYS = 128;
/** Steps of llama.cpp's search for left recursion, which forgets where it has been. */
export const MAX_GBNF_STEPS = 100_000_000;
