/** Expands references, combinators and conditions of schemas to alternatives without them. */

export { type Alternative, CombinatorExpander, type Exclusion } from "./combinators.ts";
