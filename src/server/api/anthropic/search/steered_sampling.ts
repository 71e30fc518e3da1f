import type { FlowControl } from "../../../../engine/mod.ts";

type SamplingControl = Extract<FlowControl, { type: "sampling" }>;
type Changes = SamplingControl["sampling"];

/**
 * The changes of the sampling of an answer, for its later parts: at most one control for each phase, however
 * many the client sent.
 */
export class SteeredSampling {
  /** Changes of both phases; those of one phase came later and take precedence. */
  #both: Changes = {};
  #phases: Readonly<Record<"reasoning" | "answer", Changes>> = { reasoning: {}, answer: {} };

  /** Adds a change, which replaces earlier values of the same fields. */
  add({ sampling, phase }: Pick<SamplingControl, "sampling" | "phase">): void {
    const { reasoning, answer } = this.#phases;
    if (phase !== undefined) {
      this.#phases = { ...this.#phases, [phase]: { ...this.#phases[phase], ...sampling } };
      return;
    }
    this.#both = { ...this.#both, ...sampling };
    this.#phases = {
      reasoning: without(reasoning, sampling),
      answer: without(answer, sampling),
    };
  }

  /** All changes of the answer's phase. */
  get ofAnswer(): Changes {
    return { ...this.#both, ...this.#phases.answer };
  }

  /** Controls that make the same changes to another answer. */
  get controls(): readonly SamplingControl[] {
    const { reasoning, answer } = this.#phases;
    const all: readonly SamplingControl[] = [
      { type: "sampling", sampling: this.#both },
      { type: "sampling", sampling: reasoning, phase: "reasoning" },
      { type: "sampling", sampling: answer, phase: "answer" },
    ];
    return all.filter(({ sampling }) => Object.keys(sampling).length > 0);
  }
}

/** The changes of other fields than those of `later`. */
function without(changes: Changes, later: Changes): Changes {
  return Object.fromEntries(Object.entries(changes).filter(([field]) => !(field in later)));
}
