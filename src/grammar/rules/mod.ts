export { bracketed, COLON, COMMA, JSON_RULES, jsonCharacter } from "./json.ts";
export { members, type Slot } from "./members.ts";
export { type Bounds, decimal, multiples, numbersWithin } from "./numbers.ts";
export { literal, print } from "./print.ts";
export { Rules } from "./rules.ts";
