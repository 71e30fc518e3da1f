import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Conversation, Message } from "./conversation.ts";
import { createConversation, createMessage, titleFrom } from "./create.ts";
import { fileNameOf, toJson, toMarkdown } from "./export.ts";
import { importConversation } from "./import.ts";
import { chatPromptOf, contentOf, promptOf } from "./prompt.ts";
import { addMessage, choose, pathOf } from "./tree.ts";

/** A conversation of two branches with everything that a message can have. */
function sample(): Conversation {
  const question = createMessage({
    role: "user",
    parent: null,
    content: "Explain ```this```.\n\n## A heading\n\nEnd",
    files: [{ name: "a.md", text: "text\n```js\n1\n```\n" }],
  });
  const first = createMessage({
    role: "assistant",
    parent: question.id,
    content: "One",
    reasoning: "Let me see",
    model: "tiny",
    ending: "length",
  });
  const second = createMessage({
    role: "assistant",
    parent: question.id,
    content: "Two",
    ending: "stop",
    toolCalls: [{ id: "c1", name: "look", arguments: '{"at":1}' }],
    answer: { id: "gen-1", stream: "gen-1" },
  });
  const empty = createConversation({ title: "A/B: Überblick", system: "Be short.", isNamed: true });
  const all = [question, first, second].reduce(addMessage, empty);
  return choose({ ...all, model: "tiny", sampling: { temperature: 0.5 } }, first.id);
}

const shape = (messages: Iterable<Message>) =>
  [...messages].map(({ role, content, reasoning, files, toolCalls }) => ({
    role,
    content,
    reasoning,
    files,
    toolCalls,
  }));

Deno.test("JSON brings every branch back, under a new id", () => {
  const before = sample();
  const after = importConversation(toJson(before));
  assertEquals(shape(after.messages.values()), shape(before.messages.values()));
  assertEquals(after.chosen, before.chosen);
  for (const key of ["title", "system", "model", "sampling", "isNamed"] as const) {
    assertEquals(after[key], before[key]);
  }
  assertEquals(after.id === before.id, false);
  assertEquals([...after.messages.values()].some(({ answer }) => answer !== undefined), false);
});

Deno.test("JSON keeps how each answer ended, so that a part of an answer can be continued", () => {
  const answer = (fields: object) =>
    importConversation(exported([{ id: "a", role: "assistant", ...fields }])).messages.get("a");
  for (const ending of ["stop", "length", "cancelled", "failed", "lost"] as const) {
    assertEquals(answer({ ending })?.ending, ending);
  }
  for (const ending of [undefined, "soon", 1]) assertEquals(answer({ ending })?.ending, "stop");
  assertEquals(answer({ ending: "failed", error: "No memory" })?.error, "No memory");
});

Deno.test("Markdown brings the chosen branch back", () => {
  const after = importConversation(toMarkdown(sample()));
  assertEquals([after.title, after.system], ["A/B: Überblick", "Be short."]);
  const [question, answer] = pathOf(after);
  assertEquals(question!.content, contentOf(pathOf(sample())[0]!));
  assertEquals([answer!.content, answer!.reasoning], ["One", "Let me see"]);
  assertEquals(
    importConversation(toMarkdown(sample()).replaceAll("\n", "\r\n")).system,
    "Be short.",
  );
});

Deno.test("Markdown has headings for readers, the model and calls of tools", () => {
  assertStringIncludes(toMarkdown(sample()), "## Answer (tiny)\n");
  const [, , second] = [...sample().messages.values()];
  const text = toMarkdown({
    ...sample(),
    messages: new Map([["x", { ...second!, parent: null }]]),
  });
  assertStringIncludes(text, 'Call of `look`:\n\n```json\n{"at":1}\n```');
});

Deno.test("a file that is no conversation is refused with the reason", () => {
  const valid = JSON.parse(toJson(sample()));
  const refused: readonly (readonly [unknown, string])[] = [
    ["{", "not valid JSON"],
    ["[]", "must be an object"],
    ["hello", "neither"],
    [{ ...valid, format: "x" }, "format"],
    [{ ...valid, version: 2 }, "version"],
    [{ ...valid, messages: {} }, "messages: must be a list"],
    [{ ...valid, messages: [{ ...valid.messages[0], role: "king" }] }, "messages[0].role"],
    [{ ...valid, messages: [{ ...valid.messages[0], content: 1 }] }, "messages[0].content"],
    [{ ...valid, messages: [{ ...valid.messages[0], parent: "no" }] }, "messages[0].parent"],
  ];
  for (const [value, reason] of refused) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    assertThrows(() => importConversation(text), SyntaxError, reason);
  }
});

/** The text of an exported conversation with these messages and other fields. */
function exported(messages: readonly object[], fields: object = {}): string {
  const whole = messages.map((one) => ({ role: "user", content: "x", parent: null, ...one }));
  return JSON.stringify({
    format: "shimmy-conversation",
    version: 1,
    title: "T",
    messages: whole,
    ...fields,
  });
}

Deno.test("messages that are no tree are refused", () => {
  const cases: readonly (readonly [readonly object[], string])[] = [
    [[{ id: "" }], "messages[0].id: must not be empty"],
    [[{ id: "a" }, { id: "a", parent: "a" }], "messages[1].id: must be an id of its own"],
    [[{ id: "a", parent: "a" }], "messages: a message must not follow itself"],
    [[{ id: "r" }, { id: "a", parent: "b" }, { id: "b", parent: "a" }], "must not follow itself"],
  ];
  for (const [messages, reason] of cases) {
    assertThrows(() => importConversation(exported(messages)), SyntaxError, reason);
  }
});

Deno.test("messages may come before those that they follow", () => {
  // A clock that was set back gives such an order.
  const text = exported([{ id: "b", parent: "a", role: "assistant" }, { id: "a" }]);
  assertEquals(pathOf(importConversation(text)).map(({ id }) => id), ["a", "b"]);
});

Deno.test("what the page could not send or show is left out or refused", () => {
  const fields = {
    sampling: { temperature: 0.5, n_predict: 5, top_p: "1", __proto__: 1 },
    created: 1e300,
  };
  const text = exported([{ id: "a", created: -1e300 }], fields).replace(
    '"top_p":"1"',
    '"top_k":1e999',
  );
  const { sampling, created, messages } = importConversation(text);
  assertEquals(sampling, { temperature: 0.5 });
  for (const time of [created, messages.get("a")!.created]) new Date(time).toISOString();
  for (const tools of ["{", "{}", "5"]) {
    assertThrows(() => importConversation(exported([], { tools })), SyntaxError, "tools: must be");
  }
});

Deno.test("a very long conversation is imported", () => {
  const messages = Array.from({ length: 20_000 }, (_, at) => ({
    id: `m${at}`,
    parent: at === 0 ? null : `m${at - 1}`,
  }));
  assertEquals(pathOf(importConversation(exported(messages))).length, 20_000);
  const wide = messages.map(({ id }) => ({ id, parent: id === "m0" ? null : "m0" }));
  assertEquals(importConversation(exported(wide)).messages.size, 20_000);
});

Deno.test("a file's fence is longer than those in its text", () => {
  assertEquals(
    contentOf({ content: "Look.", files: [{ name: "a", text: "````\nx\n````" }] }),
    "File `a`:\n`````\n````\nx\n````\n`````\n\nLook.",
  );
  assertEquals(contentOf({ content: "Only text" }), "Only text");
});

Deno.test("the prompt is the branch with files as text", () => {
  const prompt = promptOf(pathOf(sample()));
  assertEquals(prompt.map(({ role }) => role), ["user", "assistant"]);
  assertStringIncludes(prompt[0]!.content, "File `a.md`:");
});

Deno.test("the prompt for tools has the calls and their results", () => {
  const call = { id: "c1", name: "look", arguments: "{}" };
  const path = [
    createMessage({ role: "user", parent: null, content: "Look" }),
    createMessage({ role: "assistant", parent: "a", content: "", toolCalls: [call] }),
    createMessage({ role: "tool", parent: "b", content: "seen", toolCallId: "c1" }),
  ];
  assertEquals(chatPromptOf("Be short.", path), [
    { role: "system", content: "Be short." },
    { role: "user", content: "Look" },
    {
      role: "assistant",
      content: "",
      tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: "{}" } }],
    },
    { role: "tool", content: "seen", tool_call_id: "c1" },
  ]);
  assertEquals(chatPromptOf("", path).length, 3);
});

Deno.test("titles are the first line, cut between words", () => {
  assertEquals(titleFrom("  ## Hello   world\nmore"), "Hello world");
  assertEquals(titleFrom("\n"), "New chat");
  const long = titleFrom("word ".repeat(40));
  assertEquals(long, `${"word ".repeat(11)}word…`);
});

Deno.test("file names hold letters and digits of any script", () => {
  assertEquals(fileNameOf({ title: "A/B: Größe?" }, "md"), "a-b-große.md");
  assertEquals(fileNameOf({ title: "…" }, "json"), "chat.json");
});
