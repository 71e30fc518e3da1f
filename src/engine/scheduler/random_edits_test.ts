/** Random edits, forks and pauses with each kind of memory: each answer is that to its own tokens. */
import { assertEquals, assertThrows } from "@std/assert";
import { ShimmyError } from "../../errors.ts";
import { ask } from "../../../tests/support/engine.ts";
import { randomNumbers } from "../../../tests/support/exactness.ts";
import type { LoopHarness } from "../../../tests/support/loop.ts";
import { KINDS, withLoop } from "../../../tests/support/memory_kinds.ts";
import type { SequenceRequest } from "../protocol/mod.ts";

const PROMPT = 60;
const ANSWER = 32;
const EDITS = 14;
const MOST_ANSWERS = 5;

type Random = ReturnType<typeof randomNumbers>;

const words = (random: Random, count: number) =>
  Array.from({ length: count }, () => 300 + random(280));

function from(prompt: readonly number[], changes: Partial<SequenceRequest> = {}): SequenceRequest {
  return ask("", { prompt: [{ tokens: prompt }], maxTokens: ANSWER, ignoreEos: true, ...changes });
}

/** Steers answers at random, and remembers how many tokens of each one a control chose. */
class RandomSteering {
  readonly #loop: LoopHarness;
  readonly #random: Random;
  readonly #request: SequenceRequest;
  /** By id: tokens at the beginning that are not to be compared, as a control put the last of them there. */
  readonly chosen = new Map<number, number>();

  constructor(loop: LoopHarness, random: Random, request: SequenceRequest) {
    this.#loop = loop;
    this.#random = random;
    this.#request = request;
    this.chosen.set(loop.submit(request), 0);
  }

  run(): void {
    for (let edit = 0; edit < EDITS; edit++) {
      this.#step(this.#random(8));
      const open = [...this.chosen.keys()].filter((id) => this.#loop.reports[id]!.done === null);
      if (open.length === 0) break;
      this.#steer(open[this.#random(open.length)]!);
    }
    for (const id of this.chosen.keys()) this.#loop.control(id, { type: "resume" });
    this.#loop.run();
  }

  #step(count: number): void {
    let steps = 0;
    this.#loop.run(() => steps++ >= count);
  }

  #steer(id: number): void {
    const loop = this.#loop;
    const { tokens } = loop.reports[id]!;
    const at = this.#random(tokens.length + 1);
    const before = Math.min(this.chosen.get(id)!, at);
    switch (this.#random(6)) {
      case 0:
        return loop.control(id, { type: "pause" });
      case 1:
        return loop.control(id, { type: "resume" });
      case 2:
        loop.edit(id, { keep: at });
        this.chosen.set(id, before);
        return;
      case 3: {
        const inserted = words(this.#random, 1 + this.#random(4));
        if (at + inserted.length >= ANSWER) return;
        loop.edit(id, { keep: at, tokens: inserted });
        this.chosen.set(id, at + inserted.length);
        return;
      }
      case 4: {
        if (this.chosen.size === MOST_ANSWERS) return;
        const begun = { tokens: tokens.slice(0, at), isReported: true };
        this.chosen.set(loop.submit({ ...this.#request, begun }), before);
        return;
      }
      case 5:
        for (const keep of [-1, tokens.length + 1, 0.5, NaN, Infinity]) {
          assertThrows(() => loop.edit(id, { keep }), ShimmyError, "rewind: must be from 0 to");
        }
        for (const token of [-1, 1e9, 0.5]) {
          assertThrows(() => loop.edit(id, { tokens: [token] }), ShimmyError, "token");
        }
    }
  }
}

for (const kind of KINDS) {
  Deno.test(`${kind.name}: answers that are steered at random are those to their own tokens`, async () => {
    await withLoop(kind, (loop) => {
      for (let seed = 1; seed <= 3; seed++) {
        const random = randomNumbers(seed);
        const prompt = words(random, PROMPT);
        loop.restart();
        const steering = new RandomSteering(loop, random, from(prompt));
        steering.run();
        const answers = [...steering.chosen].map(([id, chosen]) => {
          const { tokens, done, error } = loop.reports[id]!;
          return { id, chosen, tokens: [...tokens], done, error };
        });
        for (const { id, chosen, tokens, done, error } of answers) {
          const name = `answer ${id} of seed ${seed}`;
          assertEquals(error, null, name);
          assertEquals([tokens.length, done!.usage.completionTokens], [ANSWER, ANSWER], name);
          const whole = from([...prompt, ...tokens.slice(0, chosen)], {
            maxTokens: ANSWER - chosen,
          });
          assertEquals(tokens.slice(chosen), loop.runAll([whole])[0]!.tokens, name);
        }
      }
    });
  });
}
