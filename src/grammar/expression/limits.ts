/** Limits on the cost of a schema. Schemas come from clients. */

/**
 * Nesting depth of objects and arrays in a schema. The compiler recurses, and its stack is finite.
 */
export const MAX_SCHEMA_DEPTH = 128;
/** Number of objects and arrays in a schema. Each may become a rule. */
export const MAX_SCHEMA_NODES = 10_000;
/**
 * Elementary steps of a schema's compilation: transitions of automata and parts of rules. An idle
 * core needs less than a second.
 */
export const MAX_COMPILE_STEPS = 3_000_000;
/** Time of a schema's compilation on a busy machine. */
export const MAX_COMPILE_MILLISECONDS = 10_000;
/** Growth of the heap during a schema's compilation. */
export const MAX_COMPILE_HEAP = 512 * 1024 * 1024;
/** Number of values in an `enum`. Each is an alternative that is checked for every token. */
export const MAX_ENUM_VALUES = 5_000;
/** Number of combinations that `anyOf`, `oneOf` and `allOf` expand to for one value. */
export const MAX_ALTERNATIVES = 256;
/** Number of states of an automaton (a pattern, a format, a key). Each becomes a rule. */
export const MAX_STATES = 4_000;
/** Maximum `maxLength` beside a pattern or format. Each counted character needs states. */
export const MAX_COUNTED_LENGTH = 1_000;
/**
 * Total number of positions in all states of an automaton. It limits the time of the subset
 * construction.
 */
export const MAX_SUBSET_WORK = 2_000_000;
/** Number of positions of a regular expression after expansion of counted repetitions. */
export const MAX_POSITIONS = 20_000;
/** Length of a regular expression in characters. */
export const MAX_PATTERN_LENGTH = 4_096;
/** Nesting depth of groups in a regular expression. Its parser recurses. */
export const MAX_PATTERN_DEPTH = 64;
/** Number of states that an object needs to count its properties. */
export const MAX_COUNTING_STATES = 4_000;
/** Number of key patterns per object. Every combination of them needs its own class of names. */
export const MAX_KEY_PATTERNS = 4;
/**
 * Repetitions of an item. llama.cpp's parser accepts 2,000 and silently treats a larger maximum as
 * no maximum; blocks of {@linkcode REPEAT_BLOCK} extend the range. A larger maximum is reduced to
 * this limit, a larger minimum is refused.
 */
export const MAX_REPETITION = 100_000;
/** Number of repetitions in a block. */
export const REPEAT_BLOCK = 64;
/** Number of rules of the grammar as llama.cpp's parser counts them, with repetitions expanded. */
export const MAX_RULES = 40_000;
/** Length of the grammar in characters. It is parsed once per sequence. */
export const MAX_GRAMMAR_LENGTH = 2_000_000;

/** Number of rules that one repetition may expand to (`MAX_REPETITION_THRESHOLD` of llama.cpp). */
export const MAX_REPEATED_RULES = 2_000;
/**
 * Nesting depth of groups in a grammar. llama.cpp's parser recurses, and a stack overflow ends the
 * process.
 */
export const MAX_GBNF_GROUPS = 1_000;
/** Length of a chain of rules that start with each other. llama.cpp recurses along it too. */
export const MAX_GBNF_LEFT_DEPTH = 10_000;
/** Number of elements after expansion of all repetitions. Each takes 8 bytes several times. */
export const MAX_GBNF_ELEMENTS = 5_000_000;
/**
 * Number of expansions of a rule's start. llama.cpp keeps all of them at every character and
 * compares each with all others: 0.3 s for this number, half a minute for ten times as many.
 */
export const MAX_GBNF_EXPANSIONS = 10_000;
/**
 * Ways in which a grammar may read the same text of {@linkcode MAX_PATH_LENGTH} characters, which is
 * longer than most tokens. llama.cpp follows all of them through each token.
 */
export const MAX_GBNF_PATHS = 10_000;
export const MAX_PATH_LENGTH = 16;
/** Expansions that are counted to find these ways, in all and from one start. */
export const MAX_AMBIGUITY_STEPS = 5_000_000;
export const MAX_START_STEPS = 200_000;
/**
 * Number of expansions of a repetition of a nullable item. llama.cpp's time per character grows
 * with their third power: 20 ms for this number, 10 s for a thousand.
 */
export const MAX_NULLABLE_EXPANSIONS = 128;
/** Steps of llama.cpp's search for left recursion, which visits rules repeatedly. */
export const MAX_GBNF_STEPS = 100_000_000;
