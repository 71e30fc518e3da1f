import { assertEquals } from "@std/assert";
import { createMessage } from "../../../conversation/mod.ts";
import { answerRequestOf } from "./answer_request.ts";

const path = [createMessage({ role: "user", parent: null, content: "Hi" })];
const plain = { system: "", tools: "", sampling: {} };

Deno.test("a request has only what is set", () => {
  const request = answerRequestOf(plain, path, { model: null, alternatives: 0 });
  assertEquals(request, {
    route: "native",
    body: { messages: [{ role: "user", content: "Hi" }] },
  });
});

Deno.test("settings, alternatives and the beginning of the answer are in the request", () => {
  const conversation = { ...plain, system: "Be short.", sampling: { temperature: 0.5, top_k: 3 } };
  const options = { model: "m", prefix: "Well", alternatives: 8 };
  assertEquals(answerRequestOf(conversation, path, options).body, {
    model: "m",
    temperature: 0.5,
    top_k: 3,
    system: "Be short.",
    messages: [{ role: "user", content: "Hi" }, { role: "assistant", content: "Well" }],
    continue_last: true,
    alternatives: 8,
  });
});

Deno.test("an answer can begin with tokens", () => {
  const { body } = answerRequestOf(plain, path, { model: null, begin: [5, 7], alternatives: 0 });
  assertEquals(body, { messages: [{ role: "user", content: "Hi" }], begin: [5, 7] });
});

Deno.test("tools need chat completions", () => {
  const tools = [{ type: "function", function: { name: "look" } }];
  const conversation = { ...plain, system: "S", tools: JSON.stringify(tools) };
  assertEquals(answerRequestOf(conversation, path, { model: null, alternatives: 4 }), {
    route: "chat",
    body: {
      messages: [{ role: "system", content: "S" }, { role: "user", content: "Hi" }],
      tools,
      logprobs: true,
      top_logprobs: 4,
    },
  });
});
