import { assertEquals, assertStringIncludes } from "@std/assert";
import { contextWarning } from "./context_advice.ts";

const CLIENT = { title: "Agent", promptTokens: { usual: 10_000, builtin: 20_000 } };
const model = "m";

Deno.test("a context that holds the prompt and some work needs no warning", () => {
  const place = { trained: 32_768, isOwn: true, isBuiltin: false };
  assertEquals(contextWarning(CLIENT, { model, context: 14_096 }, place), null);
});

Deno.test("a smaller context is a warning with the way to raise it", () => {
  const small = { model, context: 14_095 };
  const own = contextWarning(CLIENT, small, { trained: 32_768, isOwn: true, isBuiltin: false })!;
  assertStringIncludes(own, "the context of m has 14,095 tokens, and Agent's prompt about 10,000");
  assertStringIncludes(own, "add --ctx 14096 or more, or set SHIMMY_MAX_CTX");
  const other = contextWarning(CLIENT, small, { trained: null, isOwn: false, isBuiltin: false })!;
  assertStringIncludes(other, "start the server with --ctx 14096 or more");
});

Deno.test("the small vocabulary of the built-in model makes the prompt larger", () => {
  const place = { trained: null, isOwn: true, isBuiltin: true };
  assertEquals(contextWarning(CLIENT, { model, context: 24_096 }, place), null);
  const text = contextWarning(CLIENT, { model, context: 24_095 }, place)!;
  assertStringIncludes(text, "Agent's prompt about 20,000");
});

Deno.test("a model with a short training needs another model, not another option", () => {
  const text = contextWarning(CLIENT, { model, context: 2048 }, {
    trained: 2048,
    isOwn: true,
    isBuiltin: false,
  })!;
  assertStringIncludes(text, "m was trained for 2,048, so choose another model");
});
