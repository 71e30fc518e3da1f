import type { Context } from "../../../../ffi/mod.ts";
import type { PromptLogprob } from "../../protocol/mod.ts";
import { tokenLogprobs } from "../../sampling/mod.ts";
import type { Tokenizer } from "../../tokenizer/mod.ts";
import type { Sequence } from "../sequence.ts";

/** Log probabilities of the prompt tokens in the last batch; the first prompt token has none. */
export function scorePrompt(
  sequence: Sequence,
  context: Pick<Context, "logits">,
  tokenizer: Tokenizer,
): PromptLogprob[] {
  const { tokens, promptOutputs, request } = sequence;
  const bytesOf = (token: number) => tokenizer.piece(token, true).bytes;
  const logprobs: PromptLogprob[] = [];
  if (sequence.scoredTokens === 0) {
    const token = tokens[0]!;
    logprobs.push({ token, bytes: [...bytesOf(token)], logprob: null, top: [] });
    sequence.scoredTokens++;
  }
  for (const output of promptOutputs) {
    const token = tokens[sequence.scoredTokens]!;
    logprobs.push(
      tokenLogprobs(context.logits(output), token, request.promptLogprobs!, bytesOf),
    );
    sequence.scoredTokens++;
  }
  return logprobs;
}
