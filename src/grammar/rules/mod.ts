/** Grammar rules: JSON, object members, number ranges, simplification and printing as GBNF. */

export { bracketed, COLON, COMMA, JSON_RULES, jsonCharacter } from "./json.ts";
export { type ObjectMember, objectMembers } from "./object_members.ts";
export { type Bounds, decimal, multiples, numbersWithin } from "./numbers.ts";
export { literal, print } from "./print.ts";
export { Rules } from "./rules.ts";
