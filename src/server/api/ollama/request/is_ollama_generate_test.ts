import { assertEquals } from "@std/assert";
import { isOllamaGenerate } from "./is_ollama_generate.ts";

const NOBODY = new Headers();

Deno.test("a user agent that begins with ollama makes it Ollama's", () => {
  const agent = (value: string) => new Headers({ "user-agent": value });
  assertEquals(isOllamaGenerate(agent("ollama-js/0.6.4"), { prompt: "x" }), true);
  assertEquals(isOllamaGenerate(agent("Ollama-Python/0.5"), { prompt: "x" }), true);
  assertEquals(isOllamaGenerate(agent("curl/8 ollama"), { prompt: "x" }), false);
});

const FIELDS = [
  "options",
  "keep_alive",
  "format",
  "raw",
  "suffix",
  "images",
  "think",
  "context",
  "template",
];

for (const field of FIELDS) {
  Deno.test(`a body with ${field} is Ollama's`, () => {
    assertEquals(isOllamaGenerate(NOBODY, { prompt: "x", [field]: null }), true);
  });
}

Deno.test("every other body is native", () => {
  const native = { prompt: "x", max_tokens: 1, temperature: 0, stream: true };
  for (const body of [native, {}, null, [], "options", 1]) {
    assertEquals(isOllamaGenerate(NOBODY, body), false);
  }
});
