/** States of sequences that several servers share, in a folder or in a bucket. */
export { type SharedPrompt, SharedStates, type SharedTarget } from "./shared_states.ts";
export { SHARED_STATES_THREAD } from "./messages.ts";
export type { NewerSession, SessionState, SharedSessions } from "./sessions/shared_sessions.ts";
