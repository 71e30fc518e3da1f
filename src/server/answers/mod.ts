/**
 * From a request to an engine and an answer: resolves model and adapter names, leases engines, starts
 * generation and cancels it when the client disconnects. Every dialect enters the engine here.
 *
 * @module
 */
export { callArguments } from "./call_arguments.ts";
export { toChoiceRequests } from "./choices.ts";
export { Choices, choicesOf, type Forks, type Indexed, type StartedChoice } from "./run_choices.ts";
export {
  adapterJson,
  adapterNotFound,
  listResolved,
  qualifiedName,
  type ResolvedModel,
  resolveForKind,
  resolveModel,
} from "./model_names.ts";
export {
  choiceId,
  controlAnswers,
  findChoice,
  findResumable,
  type NamedAnswers,
  type NamedChoice,
  steeredAnswer,
  steeredChoices,
} from "./running_answers.ts";
export { preparerOf } from "./request_preparer.ts";
export { DOCUMENTS_LIMIT, scoreDocuments } from "./score_documents.ts";
export {
  bindAnswer,
  bindFork,
  type Caller,
  engineFor,
  engineForEntry,
  engineForModel,
  ownedSession,
  slotSession,
  startAnswer,
} from "./start_answer.ts";
export {
  promptProgressSchema,
  timingsSchema,
  toProgressTimings,
  toPromptProgress,
  toTimings,
} from "./timings.ts";
export { ContinuedAnswer, type DoneEvent } from "./continued_answer.ts";
export { tokenPieces } from "./token_pieces.ts";
export { truncateEmbedding } from "./truncate_embedding.ts";
