import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { chatInput } from "../../../tests/support/chat_request.ts";
import { checkMessagesLength, checkPromptLength } from "./prompt_length.ts";

const info = { contextLength: 100 };

Deno.test("a prompt that may fit the context passes", () => {
  checkPromptLength(info, [{ text: "a".repeat(100 * 1024), special: true }]);
  checkPromptLength(info, [{ tokens: Array(100).fill(1) }]);
  checkPromptLength(info, [{ tokens: Array(99).fill(1) }, { text: "a", special: false }]);
});

Deno.test("a prompt that cannot fit the context is refused with its length", () => {
  const cases = [
    [[{ text: "a".repeat(100 * 1024 + 1), special: true }], "102401 characters"],
    [[{ tokens: Array(101).fill(1) }], "101 tokens"],
  ] as const;
  for (const [prompt, what] of cases) {
    const error = assertThrows(() => checkPromptLength(info, prompt), ShimmyError, what);
    assertEquals(error.kind, "context_length");
    assertEquals(error.overflow, { promptTokens: 101, contextLength: 100 });
  }
});

Deno.test("messages that cannot fit the context are refused before they are rendered", () => {
  const chat = (role: "user" | "assistant", length: number) =>
    chatInput({ messages: [{ role, content: "a".repeat(length) }] });
  checkMessagesLength(info, chat("user", 100 * 1024));
  // A template may leave out the reasoning of an earlier answer.
  checkMessagesLength(info, chat("assistant", 200 * 1024));
  checkMessagesLength(info, { type: "text", text: "a".repeat(200 * 1024) });
  const error = assertThrows(
    () => checkMessagesLength(info, chat("user", 100 * 1024 + 1)),
    ShimmyError,
    "102401 characters",
  );
  assertEquals(error.kind, "context_length");
});
