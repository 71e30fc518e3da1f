import { removeMessage } from "../../../conversation/mod.ts";
import { change, forgetConversation } from "./conversations.ts";
import { liveAnswers } from "./live_answers.ts";
import { stopAnswer, stopAnswers } from "./steering.ts";

/** Removes a message and what follows it; answers that run there are stopped. */
export function removeBranch(conversation: string, message: string): void {
  change(conversation, (one) => {
    const { conversation: rest, removed } = removeMessage(one, message);
    for (const live of removed.flatMap((id) => liveAnswers.value.get(id) ?? [])) {
      void stopAnswer(live);
    }
    return rest;
  });
}

/** Removes a conversation, and stops its answers; shows a new one if it was shown. */
export function removeConversation(id: string): void {
  void stopAnswers(id);
  forgetConversation(id);
}
