import { assertEquals } from "@std/assert";
import {
  addMessage,
  createConversation,
  createMessage,
  removeMessage,
  replaceMessage,
} from "../../../conversation/mod.ts";
import { writeChanges } from "./write_changes.ts";

Deno.test("only what changed is written", async () => {
  const calls: unknown[] = [];
  const history: Parameters<typeof writeChanges>[0] = {
    write({ title }, written, removed) {
      calls.push([title, [...written].map(({ content }) => content), [...removed].length]);
      return Promise.resolve();
    },
  };
  const one = createMessage({ role: "user", parent: null, content: "one" });
  const two = createMessage({ role: "assistant", parent: one.id, content: "two" });
  const before = addMessage(addMessage(createConversation({ title: "T" }), one), two);
  await writeChanges(history, before, { ...before, title: "U" });
  await writeChanges(
    history,
    before,
    replaceMessage(before, two.id, (message) => ({ ...message, content: "zwei" })),
  );
  await writeChanges(history, before, removeMessage(before, one.id).conversation);
  assertEquals(calls, [["U", [], 0], ["T", ["zwei"], 0], ["T", [], 2]]);
});
