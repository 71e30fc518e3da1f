/**
 * The state of the chat: open conversations, running answers and what the user does with them.
 *
 * @module
 */
export {
  answerAgain,
  editMessage,
  forkAnswer,
  goOn,
  insertText,
  keepAnswer,
  pickToken,
  type Place,
  send,
  sendToolResults,
  setSampling,
  showBranch,
  stepBranch,
} from "./actions.ts";
export {
  change,
  current,
  draftTarget,
  exportConversation,
  importFile,
  newConversation,
  openConversation,
  renameConversation,
  searchConversations,
  startHistory,
  summaries,
} from "./conversations.ts";
export { type Live, liveAnswers, piecesOf } from "./live_answers.ts";
export {
  loadModels,
  maxBodyBytes,
  type MediaKind,
  mediaRefusal,
  modelOf,
  models,
} from "./models.ts";
export { removeBranch, removeConversation } from "./removal.ts";
export { startReleasing } from "./release.ts";
export { resumeRunning, runningConversation } from "./resume_running.ts";
export { pauseAnswers, resumeAnswers, stopAnswers } from "./steering.ts";
export { isNarrow, setCompared, togglePanel, view } from "./view_settings.ts";
