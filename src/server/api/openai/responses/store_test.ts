import { assertEquals, assertThrows } from "@std/assert";
import { HttpError } from "../../../http/errors.ts";
import { type ResponseHead, toResponse } from "./object.ts";
import { identified, ResponseStore } from "./store.ts";

function response(id: string) {
  const head: ResponseHead = { id, createdAt: 0, model: "double", body: {} };
  const state = {
    status: "completed",
    completedAt: 0,
    output: [],
    error: null,
    usage: null,
  } as const;
  return toResponse(head, state);
}

const item = (content: string) => identified({ role: "user", content });

Deno.test("the oldest response is forgotten when there are too many", () => {
  const store = new ResponseStore({ responses: 2, size: 1_000_000 });
  for (const id of ["a", "b", "c"]) store.add(response(id), [], []);
  assertThrows(() => store.get("a"), HttpError, "Response 'a' not found");
  assertEquals(store.get("c").response.id, "c");
});

Deno.test("the oldest responses are forgotten when they take too much", () => {
  const empty = JSON.stringify(response("a")).length;
  const store = new ResponseStore({ responses: 100, size: 2 * empty + 1000 });
  store.add(response("a"), [item("x".repeat(500))], []);
  store.add(response("b"), [item("x".repeat(500))], []);
  assertEquals(store.delete("a"), false);
  assertEquals(store.delete("b"), true);
});

Deno.test("the responses of one key evict none of another key", () => {
  const store = new ResponseStore({ responses: 4, size: 1_000_000 });
  const [one, other] = [store.of("one"), store.of("other")];
  one.add(response("mine"), [], []);
  for (let count = 0; count < 10; count++) other.add(response(`theirs-${count}`), [], []);
  assertEquals(one.get("mine").response.id, "mine");
  assertEquals(other.get("theirs-9").response.id, "theirs-9");
  assertThrows(() => other.get("theirs-6"), HttpError);
});

Deno.test("large responses of one key evict none of another key", () => {
  const empty = JSON.stringify(response("a")).length;
  const store = new ResponseStore({ responses: 100, size: 6 * empty + 2000 });
  const [one, other] = [store.of("one"), store.of("other")];
  one.add(response("mine"), [], []);
  for (let count = 0; count < 10; count++) {
    other.add(response(`theirs-${count}`), [item("x".repeat(500))], []);
  }
  assertEquals(one.get("mine").response.id, "mine");
  assertEquals(other.get("theirs-9").response.id, "theirs-9");
});

Deno.test("a response larger than the store evicts nothing", () => {
  const store = new ResponseStore({ responses: 100, size: 3000 });
  store.add(response("a"), [], []);
  store.add(response("b"), [item("x".repeat(3000))], []);
  assertEquals(store.get("a").response.id, "a");
  assertThrows(() => store.get("b"), HttpError);
});

Deno.test("a conversation outlives the responses it came from", () => {
  const store = new ResponseStore();
  const first = item("One");
  store.add(response("a"), [first], []);
  store.add(response("b"), [item("Two")], store.get("a").conversation);
  store.delete("a");
  assertEquals(store.get("b").conversation.length, 2);
  assertEquals(store.dereference([{ type: "item_reference", id: first.id }], []), [first]);
});
