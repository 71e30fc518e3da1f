/** Tool searches that the server runs within an answer. */
export type { SearchedEvent, SearchedPart } from "./part.ts";
export { type PartStarts, SearchingAnswer } from "./searching_answer.ts";
export { type SearchEvent, toResultBlock } from "./turn.ts";
