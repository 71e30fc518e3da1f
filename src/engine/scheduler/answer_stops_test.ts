import { assertEquals } from "@std/assert";
import type { ReasoningStage } from "../sampling/mod.ts";
import { AnswerStops } from "./answer_stops.ts";

type Step = readonly [text: string, stage: ReasoningStage, beyond?: string];

/** The texts that are shown, and the stop string, if one was found. */
function read(stops: readonly string[], first: ReasoningStage, steps: readonly Step[]) {
  const matcher = new AnswerStops(stops, first);
  const shown: string[] = [];
  for (const [piece, stage, beyond = ""] of steps) {
    const { text, stop } = matcher.push(piece, stage, beyond);
    shown.push(text);
    if (stop !== null) return { shown, stop };
  }
  const { text, stop } = matcher.end("");
  return { shown: [...shown, text], stop };
}

Deno.test("a stop string does not apply inside the reasoning, but after it", () => {
  const steps: Step[] = [["a\n", "inside"], ["b</think>", "after"], ["c\n", "after"]];
  assertEquals(read(["\n"], "inside", steps), { shown: ["a\n", "b</think>", "c"], stop: "\n" });
});

Deno.test("the answer may begin in the token that ends the reasoning", () => {
  const steps: Step[] = [["a</think>\nb", "after", "\nb"]];
  assertEquals(read(["\n"], "inside", steps), { shown: ["a</think>"], stop: "\n" });
});

Deno.test("a stop string does not match the opening mark of the reasoning", () => {
  const steps: Step[] = [["\n<th", "before"], ["ink>", "inside"], ["x", "inside"]];
  assertEquals(read(["\n", "<"], "before", steps), {
    shown: ["", "\n<think>", "x", ""],
    stop: null,
  });
});

Deno.test("text before an answer without reasoning is matched, once it is clear", () => {
  assertEquals(read(["\n"], "before", [["a ", "after"], ["\n", "after"]]).stop, "\n");
  assertEquals(read(["<b"], "before", [["<", "before"], ["b", "after"]]), {
    shown: ["", ""],
    stop: "<b",
  });
  assertEquals(read(["<t"], "before", [["<t", "before"]]), { shown: ["", ""], stop: "<t" });
});

Deno.test("without stop strings no text is held back", () => {
  assertEquals(read([], "before", [["<", "before"]]).shown, ["<", ""]);
});
