/** The scheduler loop in the thread of the test, step by step, with recorded native calls. */
import type { Context } from "../../ffi/mod.ts";
import { EngineFlags } from "../../src/engine/native/shared_flags.ts";
import { NativeGate } from "../../src/engine/native/native_gate.ts";
import { type LoadedModel, loadModel } from "../../src/engine/loading/load_model.ts";
import { Loop } from "../../src/engine/scheduler/loop.ts";
import type {
  Control,
  Edit,
  LoadOptions,
  LoopStatus,
  PromptLogprob,
  SequenceEvent,
  SequenceRequest,
  SerializedError,
} from "../../src/engine/protocol/mod.ts";
import { tinyOptions } from "./engine.ts";

/** One call of `llama_decode`. */
export interface Call {
  /** Tokens in the batch, and outputs. */
  readonly tokens: number;
  readonly outputs: number;
  readonly outcome: ReturnType<Context["decode"]>;
}

/** The events of a sequence so far. */
export interface Report {
  text: string;
  /** The text of each token, as it came with it. */
  readonly texts: string[];
  readonly tokens: number[];
  readonly logprobs: number[];
  readonly promptLogprobs: PromptLogprob[];
  /** For each token, the number of calls when it was reported. */
  readonly at: number[];
  done: Extract<SequenceEvent, { type: "done" }> | null;
  error: SerializedError | null;
}

/** More steps than any test needs: fails a loop that does not end. */
const MOST_STEPS = 20_000;

/** A model in this thread, with one loop at a time. */
export class LoopHarness implements Disposable {
  readonly #model: LoadedModel;
  /** Simulates a full KV cache for a call, by its number from 0. */
  isFull: (call: number) => boolean = () => false;
  calls: Call[] = [];
  reports: Report[] = [];
  #loop!: Loop;

  private constructor(model: LoadedModel) {
    this.#model = model;
    const { context } = model.generation!;
    const decode = context.decode.bind(context);
    context.decode = (batch) => {
      const outcome = this.isFull(this.calls.length) ? "full" : decode(batch);
      this.calls.push({ tokens: batch.length, outputs: batch.outputCount, outcome });
      return outcome;
    };
    this.restart();
  }

  static async load(changes: Partial<LoadOptions> = {}): Promise<LoopHarness> {
    const options = await tinyOptions(changes);
    const shared = { flags: new EngineFlags(), gate: new NativeGate() };
    return new LoopHarness(loadModel(options, shared, () => {}));
  }

  /** Starts a new loop with an empty KV cache. */
  restart(): void {
    const { generation, tokenizer } = this.#model;
    generation!.context.clear();
    this.calls = [];
    this.reports = [];
    this.isFull = () => false;
    this.#loop = new Loop(generation!, tokenizer, (id, event) => this.#take(id, event));
  }

  #take(id: number, event: SequenceEvent): void {
    const report = this.reports[id]!;
    if (event.type === "error") {
      report.error = event.error;
      return;
    }
    if (event.type === "progress" || event.type === "queued") return;
    if (event.type === "prompt") {
      report.promptLogprobs.push(...event.logprobs);
      return;
    }
    if (event.type === "rewind") {
      for (const list of [report.texts, report.tokens, report.at]) list.length = event.keep;
      report.text = report.texts.join("");
      return;
    }
    report.text += event.text;
    if (event.type === "done") report.done = event;
    else {
      report.texts.push(event.text);
      report.tokens.push(event.token);
      report.at.push(this.calls.length);
      if (event.logprob !== undefined) report.logprobs.push(event.logprob.logprob);
    }
  }

  /** Queues a request. @returns its id, the index of its report. */
  submit(request: SequenceRequest): number {
    const id = this.reports.push({
      text: "",
      texts: [],
      tokens: [],
      logprobs: [],
      promptLogprobs: [],
      at: [],
      done: null,
      error: null,
    }) - 1;
    this.#loop.submit(id, request);
    return id;
  }

  control(id: number, control: Control): void {
    this.#loop.control(id, control);
  }

  /** @returns the number of tokens of the answer. */
  edit(id: number, edit: Edit): number {
    return this.#loop.edit(id, edit);
  }

  /** The tokens of a text with control tokens. */
  tokenize(text: string): number[] {
    return this.#model.tokenizer.encode([{ text, special: true }], false);
  }

  get status(): LoopStatus {
    return this.#loop.status();
  }

  get hasWork(): boolean {
    return this.#loop.hasWork;
  }

  /** Runs steps until there is no work or a condition holds. */
  run(until: () => boolean = () => false): void {
    for (let step = 0; this.#loop.hasWork && !until(); step++) {
      if (step === MOST_STEPS) throw new Error("The loop does not end");
      this.#loop.step();
    }
  }

  /** The reports of requests submitted at the same time, with an empty KV cache. */
  runAll(
    requests: readonly SequenceRequest[],
    isFull: (call: number) => boolean = () => false,
  ): readonly Report[] {
    this.restart();
    this.isFull = isFull;
    for (const request of requests) this.submit(request);
    this.run();
    return this.reports;
  }

  [Symbol.dispose](): void {
    this.#loop.close();
    this.#model[Symbol.dispose]();
  }
}
