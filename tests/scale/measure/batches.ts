/** Measures the times of batches with real servers, as `deno task simulate` needs them. */
import { median } from "../../../scripts/bench/stats.ts";
import type {
  BatchTimes,
  DecodeTime,
  PrefillTime,
  Slowness,
} from "../../../scripts/simulate/timings.ts";
import { complete, type Completion, tokenOf } from "./client.ts";
import { measureCopies } from "./copies.ts";
import { referenceBatches } from "./machine_speed.ts";
import type { MeasuredField, ReplicaFacts } from "./setup.ts";

/** Tokens before a batch. Times between them and past them are on a line. */
const CONTEXTS = [64, 1024];
/** Tokens of prefill batches. The largest micro-batch is measured too. */
const PROMPTS = [2, 4, 8, 16, 32, 48, 64, 128, 192];
/** Tokens of an answer whose batches are timed. */
const ANSWER = 24;
/** Repetitions, of which the median counts. */
const REPEATS = 3;
/** Measurements of all times, of which the median counts. */
const PASSES = 3;
/** Attempts to make answers run at the same time. */
const ATTEMPTS = 20;
/** The work that shows how much replicas slow each other down. */
const SHARED = { sequences: 2, prompt: 192, answer: 40 };

/** Servers on one machine and how to ask them. */
export interface MeasuredServers {
  readonly urls: readonly string[];
  readonly vocabulary: readonly number[];
  readonly facts: ReplicaFacts;
}

/**
 * Measures all times some times, and takes the median of each: what other programs of the machine delay for a
 * while counts in one of them only.
 */
export async function measureBatches(servers: MeasuredServers): Promise<BatchTimes> {
  const measurement = new Measurement(servers);
  await measurement.warmUp();
  const passes: MeasuredTimes[] = [];
  for (let pass = 0; pass < PASSES; pass++) passes.push(await measureOnce(measurement));
  return { ...servers.facts, ...medianTimes(passes) };
}

type MeasuredTimes = Pick<BatchTimes, MeasuredField>;

/** The first server alone, then all of them together. */
async function measureOnce(measurement: Measurement): Promise<MeasuredTimes> {
  const batches = { decode: await measurement.decode(), prefill: await measurement.prefill() };
  const { decode, prefill } = measurement.atOneSpeed(batches);
  const copies = await measurement.copies(prefill);
  return { decode, prefill, ...copies, slowdown: await measurement.slowdown() };
}

/** The median of each time. */
export function medianTimes(passes: readonly MeasuredTimes[]): MeasuredTimes {
  const [first] = passes as [MeasuredTimes];
  const of = (time: (pass: MeasuredTimes) => number) => median(passes.map(time));
  return {
    decode: first.decode.map((batch, at) => ({ ...batch, ms: of((pass) => pass.decode[at]!.ms) })),
    prefill: first.prefill.map((batch, at) => ({
      ...batch,
      ms: of((pass) => pass.prefill[at]!.ms),
    })),
    saveMs: of(({ saveMs }) => saveMs),
    restoreMs: of(({ restoreMs }) => restoreMs),
    copyMs: of(({ copyMs }) => copyMs),
    overheadMs: of(({ overheadMs }) => overheadMs),
    slowdown: first.slowdown.map((_, at) => of((pass) => pass.slowdown[at]!)),
  };
}

class Measurement {
  readonly #servers: MeasuredServers;
  /** Prompts of other parts share no tokens. */
  #part = 1_000_000;
  /** Milliseconds of the reference batches between the measurements. */
  readonly #references: Slowness[] = [];

  constructor(servers: MeasuredServers) {
    this.#servers = servers;
  }

  get #url(): string {
    return this.#servers.urls[0]!;
  }

  /** Tokens that no prompt had before. */
  #fresh(length: number): number[] {
    const part = this.#part++;
    return Array.from({ length }, (_, at) => tokenOf(this.#servers.vocabulary, part, at));
  }

  async warmUp(): Promise<void> {
    await Promise.all(
      this.#servers.urls.flatMap((url) =>
        [1, 2, 3].map(() => complete(url, this.#fresh(CONTEXTS[0]!), 16))
      ),
    );
  }

  /**
   * Measures a batch in multiples of the reference batch of its kind, which is timed before and after it: the
   * machine may get faster and slower while all batches are measured.
   */
  async #relative(kind: keyof Slowness, measure: () => Promise<number>): Promise<number> {
    const before = this.#references.at(-1) ?? await this.#reference();
    const ms = await measure();
    return ms / ((before[kind] + (await this.#reference())[kind]) / 2);
  }

  async #reference(): Promise<Slowness> {
    const reference = await referenceBatches(this.#url, this.#servers.vocabulary, REPEATS);
    this.#references.push(reference);
    return reference;
  }

  /** The batches in milliseconds at the median speed of the measurement, from multiples of the references. */
  atOneSpeed({ decode, prefill }: Pick<BatchTimes, "decode" | "prefill">) {
    const inMs = <Batch extends { readonly ms: number }>(
      kind: keyof Slowness,
      list: readonly Batch[],
    ) => {
      const reference = median(this.#references.map((one) => one[kind]));
      return list.map((batch) => ({ ...batch, ms: batch.ms * reference }));
    };
    return { decode: inMs("decode", decode), prefill: inMs("prefill", prefill) };
  }

  /** `ms` in multiples of the reference batch of its kind. */
  async decode(): Promise<DecodeTime[]> {
    const times: DecodeTime[] = [];
    for (const context of CONTEXTS) {
      const length = context - ANSWER / 2;
      const prompts = Array.from(
        { length: this.#servers.facts.parallel },
        () => this.#fresh(length),
      );
      // All prompts are cached, so that the answers begin together.
      for (const prompt of prompts) await complete(this.#url, prompt, 1);
      for (let sequences = 1; sequences <= prompts.length; sequences++) {
        const ms = await this.#relative("decode", async () => {
          const rounds: number[] = [];
          for (let round = 0; round < REPEATS; round++) {
            rounds.push(await this.#decodeTogether(prompts.slice(0, sequences)));
          }
          return median(rounds);
        });
        times.push({ sequences, context, ms });
      }
    }
    return times;
  }

  /** Milliseconds of a decode batch. @throws {Error} if the answers never run at the same time. */
  async #decodeTogether(prompts: readonly number[][]): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answers = prompts.map((prompt) => complete(this.#url, prompt, ANSWER));
      const ms = msPerStep(await Promise.all(answers));
      if (ms !== null) return ms;
    }
    throw new Error(
      `${prompts.length} answers did not run at the same time in any of ${ATTEMPTS} attempts`,
    );
  }

  /** `ms` in multiples of the reference batch of its kind. */
  async prefill(): Promise<PrefillTime[]> {
    const times: PrefillTime[] = [];
    for (const context of [0, CONTEXTS.at(-1)!]) {
      const before = this.#fresh(context);
      if (context > 0) await complete(this.#url, before, 1);
      for (const tokens of new Set([...PROMPTS, this.#servers.facts.microBatch])) {
        const ms = await this.#relative("prefill", () => this.#prefillOf(before, tokens));
        times.push({ tokens, context, ms });
      }
    }
    return times;
  }

  /** Milliseconds of a prefill batch behind cached tokens. @throws {Error} if the cache has others. */
  async #prefillOf(before: readonly number[], tokens: number): Promise<number> {
    const runs: Completion[] = [];
    for (let run = 0; run < REPEATS; run++) {
      runs.push(await complete(this.#url, [...before, ...this.#fresh(tokens)], 1));
    }
    const wrong = runs.find(({ promptTokens, cachedTokens }) =>
      Math.abs(promptTokens - cachedTokens - tokens) > 1
    );
    if (wrong !== undefined) {
      throw new Error(
        `${wrong.promptTokens - wrong.cachedTokens} tokens were computed, not ${tokens}`,
      );
    }
    return median(runs.map(({ promptMs }) => promptMs));
  }

  copies(prefill: readonly PrefillTime[]) {
    const server = {
      parallel: this.#servers.facts.parallel,
      fresh: (length: number) => this.#fresh(length),
      ask: (prompt: readonly number[]) => complete(this.#url, prompt, 1),
    };
    return measureCopies(server, prefill);
  }

  /** The time of the same work while more servers do it, as a multiple of that of one. */
  async slowdown(): Promise<number[]> {
    const { urls } = this.#servers;
    const times: number[] = [];
    for (let count = 1; count <= urls.length; count++) {
      const rounds: number[] = [];
      for (let round = 0; round < REPEATS; round++) {
        const works = urls.slice(0, count).map((url) => this.#work(url));
        const ended = await Promise.all(works);
        rounds.push(ended.reduce((sum, ms) => sum + ms, 0) / count);
      }
      times.push(median(rounds));
    }
    return times.map((ms) => Math.max(1, ms / times[0]!));
  }

  async #work(url: string): Promise<number> {
    const begun = performance.now();
    await Promise.all(Array.from(
      { length: SHARED.sequences },
      () => complete(url, this.#fresh(SHARED.prompt), SHARED.answer),
    ));
    return performance.now() - begun;
  }
}

/** Milliseconds of a decode batch while all of these answers run. @returns null if they did not at any time. */
function msPerStep(answers: readonly Completion[]): number | null {
  const begun = Math.max(...answers.map(({ pieces }) => pieces[0]!.at));
  const ended = Math.min(...answers.map(({ endedAt }) => endedAt));
  const steps = answers.flatMap(({ pieces }) => {
    const during = pieces.filter(({ at }) => at > begun && at <= ended);
    const tokens = during.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const last = during.at(-1);
    return last === undefined ? [] : [tokens / (last.at - begun)];
  });
  return steps.length === 0 ? null : 1 / median(steps);
}
