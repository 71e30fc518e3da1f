import { assertEquals } from "@std/assert";
import { responseValues } from "./response.ts";
import { answerTexts, otherText } from "./texts.ts";

const events = (...values: unknown[]) =>
  values.map((value) => `data: ${JSON.stringify(value)}\n\n`).join("") + "data: [DONE]\n\n";
const lines = (...values: unknown[]) =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");

Deno.test("the text of an answer is found in the responses and streams of all dialects", () => {
  const output = [
    { type: "reasoning", content: [{ type: "reasoning_text", text: "hm" }] },
    { type: "message", content: [{ type: "output_text", text: "Hi there" }] },
  ];
  const responses: Record<string, unknown> = {
    chat: { choices: [{ index: 0, message: { content: "Hi there", reasoning_content: "hm" } }] },
    "chat stream": events(
      { choices: [{ index: 0, delta: { role: "assistant", content: null } }] },
      { choices: [{ index: 0, delta: { content: "Hi" } }] },
      { choices: [{ index: 0, delta: { content: " there" } }] },
      { choices: [] },
    ),
    transcription: { text: "Hi there", usage: { type: "tokens" } },
    "transcription stream": events(
      { type: "transcript.text.delta", delta: "Hi" },
      { type: "transcript.text.done", text: "Hi there" },
    ),
    completions: { choices: [{ index: 0, text: "Hi there" }] },
    responses: { output, text: { format: { type: "text" } } },
    "responses stream": events(
      { type: "response.created", response: { output: [] } },
      { type: "response.output_text.delta", delta: "Hi there" },
      { type: "response.output_text.done", text: "Hi there" },
      { type: "response.completed", response: { output } },
    ),
    messages: {
      type: "message",
      content: [{ type: "thinking", thinking: "hm" }, { type: "text", text: "Hi there" }],
    },
    "messages stream": events(
      { type: "message_start", message: { content: [] } },
      { type: "content_block_start", content_block: { type: "text", text: "" } },
      { type: "content_block_delta", delta: { type: "thinking_delta", thinking: "hm" } },
      { type: "content_block_delta", delta: { type: "text_delta", text: "Hi" } },
      { type: "content_block_delta", delta: { type: "text_delta", text: " there" } },
      { type: "message_stop" },
    ),
    "Ollama chat": lines(
      { message: { content: "", thinking: "hm" } },
      { message: { content: "Hi" } },
      { message: { content: " there" }, done: true },
    ),
    "Ollama generate": lines({ response: "Hi" }, { response: " there", done: true }),
    native: { response: "Hi there", done: true },
    llama: { index: 0, content: "Hi there" },
    "llama stream": events({ index: 0, content: "Hi" }, { index: 0, content: " there" }),
  };
  for (const [name, response] of Object.entries(responses)) {
    assertEquals(answerTexts(responseValues(response)).join("|"), "Hi there", name);
    if (typeof response === "string") continue;
    assertEquals(answerTexts(responseValues(JSON.stringify(response))).join("|"), "Hi there", name);
  }
});

Deno.test("several answers are told apart by their index or their place in a list", () => {
  const choices = [{ index: 1, text: "b" }, { index: 0, text: "a" }];
  const stream = events({ choices: [choices[0]] }, { choices: [choices[1]] });
  for (const response of [{ choices }, stream, [{ content: "a" }, { content: "b" }]]) {
    assertEquals(answerTexts(responseValues(response)), ["a", "b"]);
  }
});

Deno.test("an event of a fork or a rewind in a native stream is no transcript", () => {
  const fork = { forked: 2, answers: ["a-1"], text: "Hi th" };
  for (const event of [fork, { rewind: 1, text: "H" }]) {
    assertEquals(answerTexts(responseValues(`data: Hi\n\nevent: forked\n${events(event)}`)), []);
  }
});

Deno.test("a text that is not that of the answer is found, and a missing one is not compared", () => {
  assertEquals(otherText("Hi there", "Hi there"), null);
  assertEquals(otherText("Hi you", "Hi there"), { given: "you", computed: "there" });
  assertEquals(otherText("Hi there!", "Hi there"), { given: "!", computed: "" });
  assertEquals(otherText("Hi", "Hi there"), { given: "", computed: " there" });
  assertEquals(otherText(" Hi \n", "Hi"), null);
  assertEquals(otherText("", "Hi"), null);
  assertEquals(otherText(undefined, "Hi"), null);
  assertEquals(otherText("Hi", undefined), null);
});
