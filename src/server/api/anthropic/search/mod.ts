/** Tool searches that the server runs within an answer. */
export { type SearchEvent, SearchingAnswer, toResultBlock } from "./searching_answer.ts";
