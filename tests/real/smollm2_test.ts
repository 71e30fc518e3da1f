/** SmolLM2 135M Instruct: full attention and a chat template. */
import { assertEquals } from "@std/assert";
import { CONVERSATIONS } from "../../scripts/goldens/conversations.ts";
import { callRequest } from "../../scripts/goldens/real_models.ts";
import { answer, type AnswerEvent, promptText } from "../../src/chat/mod.ts";
import { collectEvents } from "../../src/engine/mod.ts";
import type { IteratingEngine as Engine } from "../support/engine.ts";
import golden from "../golden/smollm2.json" with { type: "json" };
import {
  checkContinuations,
  checkEmbeddings,
  checkPerplexity,
  checkReuse,
  checkTogether,
  checkTokens,
  factsOf,
  realModelTests,
} from "./checks.ts";
import { SMOLLM2 } from "./real_models.ts";

await realModelTests(SMOLLM2, golden, {
  "texts have the tokens, continuations and scores of llama.cpp": async (load) => {
    await using engine = await load();
    await checkTokens(engine, golden);
    await checkContinuations(engine, golden);
    await checkTogether(engine, golden);
    await checkEmbeddings(engine, golden);
    await checkPerplexity(engine, golden);
  },
  "prefixes are reused, and answers stay llama.cpp's": async (load) => {
    await using engine = await load({ parallel: 2 });
    await checkReuse(engine, golden, 0.85);
  },
  "conversations are rendered and calls are forced as llama.cpp does": async (load) => {
    await using engine = await load();
    await checkTemplates(engine);
    await checkCalls(engine);
  },
});

async function checkTemplates(engine: Engine): Promise<void> {
  for (const { name, prompt } of factsOf(golden, "template")) {
    const { messages } = CONVERSATIONS.find((conversation) => conversation.name === name)!;
    const { input } = callRequest("");
    if (input.type !== "chat") throw new Error("A chat is expected");
    const toolChoice = { type: "none" } as const;
    assertEquals(await promptText(engine, { ...input, messages, tools: [], toolChoice }), prompt);
  }
}

/** The prompt of the fact is that of the engine, and so the answers are about the same question. */
async function checkCalls(engine: Engine): Promise<void> {
  for (const { question, prompt, text } of factsOf(golden, "call")) {
    const request = callRequest(question);
    assertEquals(await promptText(engine, request.input), prompt);
    const events: AnswerEvent[] = [];
    await collectEvents<AnswerEvent>(
      (sink) => answer(engine, request, sink),
      (event) => events.push(event),
    );
    const names = events.flatMap((event) => event.type === "tool_call" ? [event.name] : []);
    const args = events.map((event) => event.type === "tool_arguments" ? event.text : "").join("");
    const call: { name: string; arguments: unknown } = JSON.parse(text);
    assertEquals([names, JSON.parse(args)], [[call.name], call.arguments], question);
  }
}
