import { assertEquals, assertMatch } from "@std/assert";
import { EnvironmentDouble } from "../../../../tests/doubles/environment.ts";
import { AnswerView, type ViewOptions } from "./answer_view.ts";
import { STYLES } from "./styles.ts";

const TERMINAL: ViewOptions = { styles: STYLES, columns: 80, wraps: true, reasoning: "shown" };
const PIPE: ViewOptions = { styles: null, columns: Infinity, wraps: false, reasoning: "hidden" };

/** What an answer with reasoning looks like. */
async function shown(options: ViewOptions, text = "**Yes**\x1b]0;title\x07", reasoning = "Hm") {
  const environment = new EnvironmentDouble({ terminal: true });
  const view = new AnswerView(environment.output, options);
  if (reasoning !== "") await view.event({ type: "reasoning", text: reasoning, logprobs: [] });
  await view.event({ type: "text", text: `\n\n${text}`, logprobs: [] });
  await view.end();
  return environment;
}

Deno.test("a terminal gets Markdown and dim reasoning, without control characters of the model", async () => {
  const { out } = await shown(TERMINAL);
  assertEquals(out, "\x1b[2mHm\x1b[22m\n\n\x1b[1mYes\x1b[22m]0;title\n");
});

Deno.test("folded reasoning is one line", async () => {
  const environment = await shown({ ...TERMINAL, reasoning: "folded" }, "Yes");
  assertMatch(
    environment.out,
    // deno-lint-ignore no-control-regex
    /^\x1b\[2m▸ Reasoned for \d+\.\d s; \/show reasoning shows it\x1b\[22m\nYes\n$/,
  );
  assertMatch(environment.progress[0]!, /^Reasoning, \d+\.\d s$/);
});

Deno.test("without colours the text stays, and a pipe gets no reasoning", async () => {
  const plain = await shown({ ...TERMINAL, styles: null }, "**Yes**");
  assertEquals(plain.out, "Hm\n\n**Yes**\n");
  assertEquals((await shown(PIPE, "**Yes**")).out, "\n\n**Yes**\n");
});

Deno.test("the share of the prompt that is read is shown until the answer", async () => {
  const environment = new EnvironmentDouble({ terminal: true });
  const view = new AnswerView(environment.output, TERMINAL);
  const timings = {
    ...{ queueMs: 0, promptMs: 0, firstTokenMs: 0, predictedMs: 0 },
    ...{ promptPerSecond: 0, predictedPerSecond: 0 },
  };
  for (const processedTokens of [0, 25, 100]) {
    const progress = { promptTokens: 100, cachedTokens: 0, processedTokens };
    await view.event({ type: "progress", progress, timings });
  }
  assertEquals(environment.progress, ["Reading the prompt 0 %", "Reading the prompt 25 %"]);
});
