/** Grammar rules: JSON, object members, number ranges, simplification and printing as GBNF. */

export {
  boundedString,
  bracketed,
  COLON,
  COMMA,
  formattedString,
  isSharedString,
  JSON_RULES,
  jsonCharacter,
} from "./json.ts";
export { type ObjectMember, objectMembers } from "./object_members.ts";
export { type Bounds, decimal, multiples, numbersWithin } from "./numbers.ts";
export { literal, print } from "./print.ts";
export { Rules } from "./rules.ts";
