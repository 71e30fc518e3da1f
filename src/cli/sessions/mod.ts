export { openNamed, PULL_OPTIONS } from "./named_session.ts";
export { fetchProgress } from "./session.ts";
