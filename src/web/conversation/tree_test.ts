import { assertEquals } from "@std/assert";
import type { Conversation, Message } from "./conversation.ts";
import { createConversation } from "./create.ts";
import {
  addMessage,
  childrenOf,
  choose,
  pathOf,
  pathTo,
  removeMessage,
  replaceMessage,
  siblingsOf,
} from "./tree.ts";

function message(id: string, parent: string | null): Message {
  const role = id.startsWith("u") ? "user" : "assistant";
  return { id, parent, role, content: id, created: Number(id.slice(1)) };
}

/** u1 → a2 → u3 → a4, and in the place of a2 also a5 → u6. */
function sample(): Conversation {
  const added: readonly (readonly [string, string | null])[] = [
    ["u1", null],
    ["a2", "u1"],
    ["u3", "a2"],
    ["a4", "u3"],
    ["a5", "u1"],
    ["u6", "a5"],
  ];
  return added.reduce(
    (conversation, [id, parent]) => addMessage(conversation, message(id, parent)),
    createConversation({ changed: 0 }),
  );
}

const ids = (messages: readonly Message[]) => messages.map(({ id }) => id);

Deno.test("the newest message is on the chosen branch", () => {
  assertEquals(ids(pathOf(sample())), ["u1", "a5", "u6"]);
  assertEquals(sample().changed, 6);
});

Deno.test("choosing a message chooses its branch, and the branch below it comes back", () => {
  const other = choose(sample(), "a2");
  assertEquals(ids(pathOf(other)), ["u1", "a2", "u3", "a4"]);
  assertEquals(ids(pathOf(choose(other, "a5"))), ["u1", "a5", "u6"]);
});

Deno.test("siblings are the messages in one place, the oldest first", () => {
  const conversation = sample();
  assertEquals(ids(siblingsOf(conversation, conversation.messages.get("a5")!)), ["a2", "a5"]);
  assertEquals(ids(childrenOf(conversation, null)), ["u1"]);
  assertEquals(childrenOf(conversation, "u6"), []);
});

Deno.test("an edited first message is another beginning", () => {
  const edited = addMessage(sample(), message("u7", null));
  assertEquals(ids(pathOf(edited)), ["u7"]);
  assertEquals(ids(childrenOf(edited, null)), ["u1", "u7"]);
  assertEquals(ids(pathOf(choose(edited, "a4"))), ["u1", "a2", "u3", "a4"]);
});

Deno.test("the path to a message ignores what is chosen", () => {
  assertEquals(ids(pathTo(sample(), "u3")), ["u1", "a2", "u3"]);
  assertEquals(pathTo(sample(), null), []);
});

Deno.test("a removed message takes what follows along, and a sibling is chosen", () => {
  const { conversation, removed } = removeMessage(sample(), "a5");
  assertEquals(removed, ["a5", "u6"]);
  assertEquals(ids(pathOf(conversation)), ["u1", "a2", "u3", "a4"]);
  assertEquals(ids([...sample().messages.values()]).length, 6);
});

Deno.test("a changed message keeps its place; a removed one is not made again", () => {
  const changed = replaceMessage(sample(), "a5", (one) => ({ ...one, content: "new" }));
  assertEquals(pathOf(changed)[1]!.content, "new");
  assertEquals(ids(pathOf(changed)), ["u1", "a5", "u6"]);
  const { conversation } = removeMessage(sample(), "a5");
  assertEquals(replaceMessage(conversation, "a5", (one) => one), conversation);
});
