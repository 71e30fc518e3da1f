import { assertEquals, assertMatch } from "@std/assert";
import { EnvironmentDouble } from "../../../../tests/doubles/environment.ts";
import { KeyboardDouble } from "../../../../tests/doubles/keyboard.ts";
import { AnswerView, type ViewOptions } from "./answer_view.ts";
import { STYLES } from "./styles.ts";

const TERMINAL: ViewOptions = { styles: STYLES, columns: 80, wraps: true, reasoning: "shown" };
const PIPE: ViewOptions = { styles: null, columns: Infinity, wraps: false, reasoning: "hidden" };

const terminal = () => new EnvironmentDouble({ terminal: true, keyboard: new KeyboardDouble() });

/** What an answer with reasoning looks like. */
async function shown(options: ViewOptions, text = "**Yes**\x1b]0;title\x07", reasoning = "Hm") {
  const environment = terminal();
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

Deno.test("a terminal whose keys are not read gets no control characters either, and a pipe gets all", async () => {
  const text = "a\x1b[31mb\x9b2Jc\rd\te\n";
  const plain = await shown(PIPE, text, "");
  assertEquals(plain.out, "\n\na[31mb2Jcd\te\n\n");
  const pipe = new EnvironmentDouble();
  const view = new AnswerView(pipe.output, PIPE);
  await view.event({ type: "text", text, logprobs: [] });
  await view.end();
  assertEquals(pipe.out, `${text}\n`);
});

Deno.test("an answer that fails leaves no style and no open line behind", async () => {
  const environment = terminal();
  const failed = new AnswerView(environment.output, TERMINAL);
  await failed.event({ type: "reasoning", text: "Hm", logprobs: [] });
  await failed.fail();
  assertEquals(environment.out, "\x1b[2mHm\x1b[22m\n\n\n");
  await new AnswerView(environment.output, TERMINAL).fail();
  assertEquals(environment.out, "\x1b[2mHm\x1b[22m\n\n\n");
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
