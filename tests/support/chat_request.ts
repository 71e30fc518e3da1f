/** Makers of requests for answers, for unit tests. */
import type { AnswerRequest, Input } from "../../src/chat/conversation/conversation.ts";

type ChatInput = Extract<Input, { type: "chat" }>;

/** A conversation of one message, with the given fields in place of the usual ones. */
export function chatInput(fields: Partial<ChatInput> = {}): ChatInput {
  return {
    type: "chat",
    messages: [{ role: "user", content: "Hi" }],
    tools: [],
    toolChoice: { type: "auto" },
    parallelToolCalls: true,
    templateArguments: {},
    continueLast: false,
    ...fields,
  };
}

/** A request for a free answer to {@linkcode chatInput}, with the given fields in place of the usual ones. */
export function chatRequest(fields: Partial<AnswerRequest> = {}): AnswerRequest {
  return {
    input: chatInput(),
    maxTokens: null,
    sampling: {},
    stop: [],
    format: { type: "text" },
    ignoreEos: false,
    logprobs: null,
    ...fields,
  };
}
