import { assertEquals } from "@std/assert";
import { tokens } from "../../../tests/doubles/kv_cache.ts";
import { KeyMatcher, type SharedQuery, stateKey } from "./state_key.ts";

const query = (given: readonly number[], more: Partial<SharedQuery> = {}): SharedQuery => ({
  ...{ tokens: given, scope: "", limit: given.length - 1, canTruncate: true },
  ...{ sequenceLength: 4096, ...more },
});

Deno.test("a prompt that continues a state finds all of its tokens by the key", () => {
  const key = stateKey(tokens(300), "", []);
  assertEquals(key.split("/").length, 4);
  const matcher = new KeyMatcher(query(tokens(400)));
  assertEquals(matcher.usable(key), 300);
  assertEquals(matcher.folders.length, 3);
  assertEquals(matcher.folders.every((folder) => key.startsWith(folder)), true);
});

Deno.test("a prompt that leaves a state finds the whole levels that are the same", () => {
  const key = stateKey(tokens(300), "", []);
  const other = [...tokens(200), 7, ...tokens(200)];
  assertEquals(new KeyMatcher(query(other)).usable(key), 128);
  assertEquals(new KeyMatcher(query(other, { canTruncate: false })).usable(key), 0);
  // The last token of a prompt is always computed.
  assertEquals(new KeyMatcher(query(tokens(300))).usable(key), 256);
});

Deno.test("a state that cannot be truncated is found by its checkpoints", () => {
  const key = stateKey(tokens(300), "", [100, 200]);
  const other = [...tokens(250), 7, ...tokens(50)];
  const matcher = new KeyMatcher(query(other, { canTruncate: false }));
  assertEquals(matcher.usable(key), 200);
});

Deno.test("states of other scopes, of other prompts and for longer contexts are not found", () => {
  const key = stateKey(tokens(300), "", []);
  assertEquals(new KeyMatcher(query(tokens(400), { scope: "lora" })).usable(key), 0);
  assertEquals(new KeyMatcher(query(tokens(400, 9))).usable(key), 0);
  assertEquals(new KeyMatcher(query(tokens(400), { sequenceLength: 299 })).usable(key), 0);
});

Deno.test("keys that are not those of states are ignored", () => {
  const matcher = new KeyMatcher(query(tokens(400)));
  const [first = ""] = matcher.folders;
  const [, name = ""] = /([^/]+)$/.exec(stateKey(tokens(300), "", [])) ?? [];
  assertEquals(matcher.usable(first + name), 300);
  const others = ["", "a", `${first}x`, `${first}.state`, "/.state", name, `/${name}`];
  for (const key of [...others, `${first}../${name}`, `${first}${name}/..`, `../${name}`]) {
    assertEquals(matcher.usable(key), 0, key);
  }
  assertEquals(matcher.usable(`${first}300.0123456789abcdef.state`), 64);
});
