/** The stream interval of a load decides how many messages carry the tokens of an answer. */
import { assertEquals } from "@std/assert";
import { ask, question, tinyEngine } from "../../../tests/support/engine.ts";
import type { SequenceEvent } from "../protocol/mod.ts";
import { collectEvents } from "../sink.ts";

/** Tokens of an answer, and messages before its end. */
async function counted(streamInterval: number): Promise<{ tokens: number; messages: number }> {
  await using engine = await tinyEngine({ streamInterval, lookup: false });
  const counts = { tokens: 0, messages: 0 };
  const request = ask(question("Count from 1 to 40."), { maxTokens: 20, ignoreEos: true });
  await collectEvents<SequenceEvent>(
    (sink) => engine.generate(request, { ...sink, flush: () => void counts.messages++ }),
    (event) => void (event.type === "token" && counts.tokens++),
  );
  return counts;
}

Deno.test("with the interval 0 each token has its own message", async () => {
  // The last token comes with the end.
  assertEquals(await counted(0), { tokens: 20, messages: 19 });
});

Deno.test("within a long interval only the first token has its own message", async () => {
  assertEquals(await counted(3_600_000), { tokens: 20, messages: 1 });
});

Deno.test("a control does not wait for the interval", async () => {
  await using engine = await tinyEngine({ streamInterval: 3_600_000 });
  const run = engine.generate(ask(question("Hello"), { maxTokens: null, ignoreEos: true }));
  const types: string[] = [];
  for await (const event of run) {
    if (types.push(event.type) === 1) run.control({ type: "stop" });
    if (event.type === "done") assertEquals(event.finishReason, "stop");
  }
  assertEquals(types.at(-1), "done");
});
