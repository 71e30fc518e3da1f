/**
 * Responses that can be taken up again: their events, and answers that go on without their client.
 *
 * @module
 */
export { answerIdOf, nameAnswer } from "./answer_names.ts";
export { callerOf, countDetached } from "./detached.ts";
export { EventLog, type Numbered } from "./event_log.ts";
export { follow, keptStream, resumePoint } from "./resume.ts";
