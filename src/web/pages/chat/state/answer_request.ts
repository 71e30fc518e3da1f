import {
  chatPromptOf,
  type Conversation,
  type Message,
  promptOf,
} from "../../../conversation/mod.ts";
import type { AnswerRequest } from "../../../live/mod.ts";

/** What an answer is to be, beside the settings of its conversation. */
export interface AnswerOptions {
  /** Null: the default model. */
  readonly model: string | null;
  /** The text with which the answer begins. */
  readonly prefix?: string | undefined;
  /** The ids of the tokens with which the answer begins. */
  readonly begin?: readonly number[] | undefined;
  /** Likely tokens to report in the place of each token; 0: none. */
  readonly alternatives: number;
}

/** The request for an answer to a branch. Tools need chat completions; the native API has none. */
export function answerRequestOf(
  conversation: Pick<Conversation, "system" | "tools" | "sampling">,
  path: readonly Message[],
  { model, prefix, begin = [], alternatives }: AnswerOptions,
): AnswerRequest {
  const { system, tools } = conversation;
  const begun = prefix === undefined ? [] : [{ role: "assistant", content: prefix }];
  const common = {
    ...(model === null ? {} : { model }),
    ...conversation.sampling,
  };
  if (tools !== "") {
    return {
      route: "chat",
      body: {
        ...common,
        messages: [...chatPromptOf(system, path), ...begun],
        tools: JSON.parse(tools),
        ...(alternatives > 0 ? { logprobs: true, top_logprobs: alternatives } : {}),
      },
    };
  }
  return {
    route: "native",
    body: {
      ...common,
      ...(system === "" ? {} : { system }),
      messages: [...promptOf(path), ...begun],
      ...(prefix === undefined ? {} : { continue_last: true }),
      ...(begin.length === 0 ? {} : { begin }),
      ...(alternatives > 0 ? { alternatives } : {}),
    },
  };
}
