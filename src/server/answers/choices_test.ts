import { assertEquals } from "@std/assert";
import type { AnswerRequest } from "../../chat/conversation/conversation.ts";
import { toChoiceRequests } from "./choices.ts";

const REQUEST: AnswerRequest = {
  input: { type: "text", text: "Hi" },
  maxTokens: 1,
  sampling: { seed: 0xffff_fffe, topK: 2 },
  stop: [],
  format: { type: "text" },
  ignoreEos: false,
  logprobs: null,
};

Deno.test("each choice has another seed, for its reasoning too", () => {
  const request = { ...REQUEST, reasoningSampling: { seed: 4 } };
  assertEquals(
    toChoiceRequests(request, 2).map((
      { sampling, reasoningSampling },
    ) => [sampling, reasoningSampling]),
    [
      [{ seed: 0xffff_fffe, topK: 2 }, { seed: 4 }],
      [{ seed: 0, topK: 2 }, { seed: 5 }],
    ],
  );
});

Deno.test("without a seed each choice is free", () => {
  const request = { ...REQUEST, sampling: {} };
  assertEquals(toChoiceRequests(request, 2), [request, request]);
});
