import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { Input, Message } from "./conversation.ts";
import { prefixHash } from "./prefix_hash.ts";

const USER = { role: "user", content: "Hi" } as const;
const SYSTEM = { role: "system", content: "Be brief." } as const;

function chat(...messages: readonly Message[]): Input {
  return {
    type: "chat",
    messages,
    tools: [],
    toolChoice: { type: "auto" },
    parallelToolCalls: true,
    templateArguments: {},
    continueLast: false,
  };
}

const hashOf = (...messages: readonly Message[]) => prefixHash("m", chat(...messages));

Deno.test("the hash stays the same while the conversation grows", () => {
  const begun = hashOf(SYSTEM, USER);
  assertMatch(begun, /^[0-9a-f]{16}$/);
  const answer = { role: "assistant", content: "Hello." } as const;
  assertEquals(hashOf(SYSTEM, USER, answer, { role: "user", content: "And?" }), begun);
  assertEquals(hashOf({ ...SYSTEM, role: "developer" }, USER), begun);
});

Deno.test("another model, system message, first message or image has another hash", () => {
  const image = (last: number) => ({
    ...USER,
    media: [{
      type: "image" as const,
      bytes: new Uint8Array([...new Array(2000).fill(1), last]),
      field: "f",
    }],
  });
  const remote = (url: string) => ({
    ...USER,
    media: [{ type: "remote" as const, url, field: "f" }],
  });
  const hashes = [
    hashOf(SYSTEM, remote("http://a/1")),
    hashOf(SYSTEM, remote("http://a/2")),
    hashOf(SYSTEM, USER),
    hashOf(USER),
    hashOf(SYSTEM),
    prefixHash("other", chat(SYSTEM, USER)),
    hashOf({ ...SYSTEM, content: "Be long." }, USER),
    hashOf(SYSTEM, { ...USER, content: "Hello" }),
    hashOf(SYSTEM, image(1)),
    hashOf(SYSTEM, image(2)),
    // The same characters in other messages.
    hashOf({ ...SYSTEM, content: "Be brief.H" }, { ...USER, content: "i" }),
  ];
  assertEquals(new Set(hashes).size, hashes.length);
});

Deno.test("a long text counts by its beginning", () => {
  const long = "x".repeat(5000);
  assertEquals(
    hashOf({ ...SYSTEM, content: long }, USER),
    hashOf({ ...SYSTEM, content: `${long}y` }, USER),
  );
  assertNotEquals(
    hashOf({ ...SYSTEM, content: `a${long}` }, USER),
    hashOf({ ...SYSTEM, content: `b${long}` }, USER),
  );
});

Deno.test("a raw prompt and tokens that grow keep their hash", () => {
  const text = (end: string): Input => ({ type: "text", text: `${"x".repeat(256)}${end}` });
  assertEquals(prefixHash("m", text("a")), prefixHash("m", text("b")));
  const tokens = (...end: number[]): Input => ({
    type: "tokens",
    tokens: [...new Array(64).fill(7), ...end],
  });
  assertEquals(prefixHash("m", tokens(1)), prefixHash("m", tokens(2, 3)));
  assertNotEquals(prefixHash("m", tokens()), prefixHash("m", text("")));
});
