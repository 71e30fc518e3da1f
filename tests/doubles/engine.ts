import type { Engine, FlowControl, RunningSequence } from "../../src/engine/engine.ts";
import type { Sink } from "../../src/engine/sink.ts";
import type {
  AdapterChange,
  AdapterInfo,
  Edit,
  EmbedRequest,
  EmbedResult,
  EngineStatus,
  FinishReason,
  ModelInfo,
  Notice,
  PromptLogprob,
  PromptPart,
  SequenceEvent,
  SequenceRequest,
  SequenceTrace,
  SlotChange,
  SlotChangeResult,
  Timings,
} from "../../src/engine/protocol/mod.ts";
import { DEFAULT_SAMPLING } from "../../src/engine/protocol/sampling.ts";
import { ShimmyError } from "../../src/errors.ts";

/** Scripted answer to a request. */
export interface Script {
  /** The text of each token, in order. */
  readonly tokens: readonly string[];
  /** Finish reason after the last token. Default `stop`. */
  readonly finish?: FinishReason;
  /** Error thrown by the iteration after `tokens` instead of `done`. */
  readonly error?: ShimmyError;
  /** Notices in the `done` event. */
  readonly notices?: readonly Notice[];
  /** Drafted and accepted tokens in the timings. */
  readonly drafts?: readonly [drafted: number, accepted: number];
  /** Repeat the tokens until the answer is ended otherwise. */
  readonly endless?: boolean;
}

export interface EngineDoubleOptions {
  readonly info?: Partial<ModelInfo>;
  /** Script for all requests, or a function of the request. Default: `Hello`, ` world`. */
  readonly script?: Script | ((request: SequenceRequest, index: number) => Script);
  /** Overrides of the status. */
  readonly status?: Partial<EngineStatus>;
  /** Awaited before each token, so that a test controls its time. */
  readonly beforeToken?: (index: number) => Promise<void> | void;
  /** Awaited before embeddings are returned. */
  readonly beforeEmbedding?: Promise<void>;
  /** Adapter files that cannot be loaded. */
  readonly missing?: readonly string[];
}

/** Ids from here on are the entries of `controlTokens`; lower ids are code points. */
/** The only row of every image. */
const FIRST_ROW = -2;
const FIRST_CONTROL = 0x110000;

const TIMINGS: Timings = {
  queueMs: 1,
  promptMs: 2,
  firstTokenMs: 3,
  predictedMs: 4,
  promptPerSecond: 5,
  predictedPerSecond: 6,
};

const INFO: ModelInfo = {
  kind: "language",
  description: "double 1 F32",
  architecture: "double",
  parameters: 1,
  size: 4,
  vocabularySize: FIRST_CONTROL + 3,
  embeddingLength: 4,
  layers: 1,
  trainedContext: 1024,
  contextLength: 1024,
  parallel: 4,
  shape: null,
  batchSize: 512,
  threads: 1,
  streamInterval: 16,
  devices: [],
  offloadedLayers: 0,
  placement: [{ device: "CPU", layers: 2, weightBytes: 4, kvBytes: null, computeBytes: null }],
  chatTemplate: null,
  toolTemplate: null,
  bosText: "",
  eosText: "<|im_end|>",
  controlTokens: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
  fim: null,
  endOfGeneration: [FIRST_CONTROL + 2],
  recommendedSampling: {},
  metadata: {},
  settings: {
    kvType: "f16",
    flashAttention: "auto",
    lookup: false,
    contextShift: false,
    swaFull: true,
    draft: false,
  },
  loadMs: 1,
  processBytes: 1,
  notes: [],
};

/**
 * Log probability of a prompt token: its value is its position, its alternatives are the following
 * code points.
 */
function scoredToken(token: number, at: number, alternatives: number): PromptLogprob {
  const bytesOf = (id: number) => [...new TextEncoder().encode(String.fromCodePoint(id))];
  const top = Array.from({ length: at === 0 ? 0 : alternatives }, (_, rank) => ({
    token: token + rank,
    bytes: bytesOf(token + rank),
    logprob: -at - rank,
  }));
  return { token, bytes: bytesOf(token), logprob: at === 0 ? null : -at, top };
}

/**
 * An engine without a model. Emits the tokens of its script and follows the rules of the real
 * engine: stop strings, token limit, context length, controls, cancellation. One code point is one
 * token; a control token in a special part is one token.
 */
export class EngineDouble implements Engine {
  readonly info: ModelInfo;
  /** All requests in order. */
  readonly requests: SequenceRequest[] = [];
  /** All embedding requests. */
  readonly embedded: EmbedRequest[] = [];
  /** The abort signals of embedding requests. */
  readonly embedSignals: (AbortSignal | undefined)[] = [];
  /** All controls of all sequences. */
  readonly controls: FlowControl[] = [];
  /** All edits of all sequences. */
  readonly edits: Edit[] = [];
  /** Finish reasons of the sequences in the order of their ends. */
  readonly finished: (FinishReason | "error")[] = [];
  readonly closed: Promise<string | null>;
  readonly #options: EngineDoubleOptions;
  readonly #close: (reason: string | null) => void;
  #running = 0;
  readonly #adapters = new Map<string, { readonly path: string; readonly scale: number }>();
  #completionTokens = 0;

  constructor(options: EngineDoubleOptions = {}) {
    this.#options = options;
    this.info = { ...INFO, ...options.info };
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.closed = promise;
    this.#close = resolve;
  }

  /** Number of sequences that are running. */
  get running(): number {
    return this.#running;
  }

  generate(request: SequenceRequest, sink: Sink<SequenceEvent>): RunningSequence {
    const index = this.requests.push(request) - 1;
    const { script } = this.#options;
    const said = typeof script === "function" ? script(request, index) : script;
    const state = new SequenceState(request);
    const events = this.#run(state, said ?? { tokens: ["Hello", " world"] });
    void this.#send(events, sink);
    return {
      control: (control) => {
        if (state.hasEnded) return;
        this.controls.push(control);
        state.control(control);
      },
      edit: async (edit) => {
        if (state.hasEnded) throw new ShimmyError("not_found", "The answer has ended");
        this.edits.push(edit);
        const inserted = edit.tokens ?? codePoints(edit.text ?? "");
        const texts = await Promise.all(inserted.map((token) => this.detokenize([token])));
        for (const event of state.edit(edit, texts)) sink.event(event);
        sink.flush();
        return state.tokens;
      },
    };
  }

  async #send(events: AsyncIterable<SequenceEvent>, sink: Sink<SequenceEvent>): Promise<void> {
    try {
      for await (const event of events) {
        sink.event(event);
        sink.flush();
      }
    } catch (error) {
      return sink.end(error);
    }
    sink.end();
  }

  async *#run(state: SequenceState, script: Script): AsyncGenerator<SequenceEvent, void> {
    this.#running++;
    // A sink that throws ends the iteration.
    let ended: FinishReason | "error" = "error";
    try {
      const promptTokens = this.#ids(state.request.prompt, true).length;
      if (promptTokens >= this.info.contextLength) {
        throw new ShimmyError(
          "context_length",
          `The prompt has ${promptTokens} tokens, but the context holds ${this.info.contextLength}`,
          { overflow: { promptTokens, contextLength: this.info.contextLength } },
        );
      }
      if (state.request.reportsLength) yield { type: "queued", promptTokens };
      const room = this.info.contextLength - promptTokens;
      const limit = Math.min(state.request.maxTokens ?? room, room);
      const { promptLogprobs } = state.request;
      if (promptLogprobs !== undefined) {
        const ids = this.#ids(state.request.prompt, true);
        yield {
          type: "prompt",
          logprobs: ids.map((id, at) => scoredToken(id, at, promptLogprobs)),
        };
      }
      for (const processedTokens of state.request.reportsProgress ? [0, promptTokens] : []) {
        const progress = { promptTokens, cachedTokens: 0, processedTokens };
        yield { type: "progress", progress, timings: TIMINGS };
      }
      if (state.request.begun?.isReported) {
        const texts = await Promise.all(state.ids.map((token) => this.detokenize([token])));
        yield* state.edit({ keep: 0 }, texts).filter(({ type }) => type === "token");
      }
      while (state.finish === null) {
        if (state.tokens >= limit) state.finish = "length";
        else if (state.tokens >= script.tokens.length && !script.endless) {
          if (script.error !== undefined) throw script.error;
          state.finish = script.finish ?? "stop";
        } else {
          await this.#options.beforeToken?.(state.tokens);
          await state.resumed;
          if (state.finish === null) {
            const text = script.tokens[state.tokens % script.tokens.length]!;
            this.#completionTokens++;
            yield state.token(text, promptTokens);
          }
        }
      }
      ended = state.finish;
      yield state.done(promptTokens, script);
    } finally {
      state.hasEnded = true;
      this.#running--;
      this.finished.push(ended);
    }
  }

  tokenize(prompt: readonly PromptPart[], addSpecial: boolean): Promise<number[]> {
    return Promise.resolve(this.#ids(prompt, addSpecial));
  }

  countTokens(prompt: readonly PromptPart[], addSpecial: boolean): Promise<number> {
    return Promise.resolve(this.#ids(prompt, addSpecial).length);
  }

  detokenize(tokens: readonly number[]): Promise<string> {
    const texts = tokens.map((token) =>
      token < FIRST_CONTROL
        ? String.fromCodePoint(token)
        : this.info.controlTokens[token - FIRST_CONTROL] ?? ""
    );
    return Promise.resolve(texts.join(""));
  }

  async pieces(tokens: readonly number[]): Promise<Uint8Array<ArrayBuffer>[]> {
    const texts = await Promise.all(tokens.map((token) => this.detokenize([token])));
    return texts.map((text) => new TextEncoder().encode(text));
  }

  /** Embeds a text as its length and three zeros; scores a document as its length. */
  async embed(request: EmbedRequest, signal?: AbortSignal): Promise<EmbedResult> {
    this.embedded.push(request);
    this.embedSignals.push(signal);
    await this.#options.beforeEmbedding;
    const { contextLength } = this.info;
    const sizes: number[] = [];
    for (const input of request.inputs) {
      const size = "tokens" in input
        ? input.tokens.length
        : codePoints("query" in input ? input.document : input.text).length;
      const limit = Math.min(contextLength, request.contextLength ?? Infinity);
      if (size > limit && !request.truncate) {
        const message = `${input.field} has ${size} tokens, but the model takes ${limit}`;
        throw new ShimmyError("context_length", message, { field: input.field });
      }
      sizes.push(Math.min(size, limit));
    }
    const pairs = request.inputs.some((input) => "query" in input);
    return {
      vectors: sizes.map((size) => new Float32Array(pairs ? [size] : [size, 0, 0, 0])),
      tokens: sizes,
    };
  }

  get adapters(): readonly AdapterInfo[] {
    return this.#listAdapters();
  }

  /** Loads and unloads adapters by name, without files. */
  changeAdapters(change: AdapterChange): Promise<AdapterInfo[]> {
    const name = (change.name ?? ("path" in change ? change.path : "")).toLowerCase();
    const isLoaded = this.#adapters.has(name);
    if (!("path" in change) && !isLoaded) {
      return Promise.reject(new ShimmyError("not_found", `Adapter '${name}' not found`));
    }
    if (change.action === "unload") this.#adapters.delete(name);
    else if (change.action !== "ensure" || !isLoaded) {
      const path = "path" in change ? change.path : this.#adapters.get(name)!.path;
      if (this.#options.missing?.includes(path)) {
        const reason = `Cannot load adapter '${path}': file cannot be opened`;
        return Promise.reject(new ShimmyError("backend", reason));
      }
      this.#adapters.set(name, { path, scale: change.scale });
    }
    return Promise.resolve(this.#listAdapters());
  }

  /** All changes of slots. */
  readonly slotChanges: SlotChange[] = [];

  changeSlot(change: SlotChange): Promise<SlotChangeResult> {
    this.slotChanges.push(change);
    return Promise.resolve({ tokens: 5, bytes: 20, milliseconds: 1 });
  }

  /** Saved sessions. */
  readonly sessions = new Set<string>();

  deleteSession(session: string): Promise<boolean> {
    return Promise.resolve(this.sessions.delete(session));
  }

  #listAdapters(): AdapterInfo[] {
    return [...this.#adapters].map(([name, file]) => ({
      ...file,
      name,
      kind: "lora",
      digest: name,
    }));
  }

  status(): Promise<EngineStatus> {
    return Promise.resolve({
      running: this.#running,
      prefilling: 0,
      queued: 0,
      queueLimit: 64,
      cellsUsed: 0,
      cellsTotal: this.info.contextLength * this.info.parallel,
      promptTokens: 0,
      cachedTokens: 0,
      completionTokens: this.#completionTokens,
      speculation: null,
      draftedTokens: 0,
      acceptedTokens: 0,
      memoryKind: "attention",
      checkpoints: 0,
      savedBytes: 0,
      evictions: 0,
      diskCache: null,
      sharedCache: null,
      preemptions: 0,
      steps: this.#completionTokens,
      slots: Array.from(
        { length: this.info.parallel },
        (_, id) => ({ id, tokens: 0, running: null }),
      ),
      nativeMs: 0,
      stepMs: 0,
      context: null,
      loras: this.#listAdapters(),
      embedding: null,
      ...this.#options.status,
    });
  }

  /** Simulates the death of the engine: `closed` resolves with the reason. */
  die(reason: string): void {
    this.#close(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close(null);
    return Promise.resolve();
  }

  #ids(prompt: readonly PromptPart[], addSpecial: boolean): number[] {
    const ids: number[] = [];
    for (const part of prompt) {
      if ("tokens" in part) ids.push(...part.tokens);
      else if ("media" in part) ids.push(FIRST_ROW);
      else ids.push(...(part.special ? this.#specialIds(part.text) : codePoints(part.text)));
    }
    const bos = this.info.controlTokens.indexOf(this.info.bosText);
    if (addSpecial && bos >= 0 && ids[0] !== FIRST_CONTROL + bos) ids.unshift(FIRST_CONTROL + bos);
    return ids;
  }

  #specialIds(text: string): number[] {
    const ids: number[] = [];
    let rest = text;
    while (rest !== "") {
      const control = this.info.controlTokens.findIndex((token) => rest.startsWith(token));
      const taken = control >= 0
        ? this.info.controlTokens[control]!
        : String.fromCodePoint(rest.codePointAt(0)!);
      ids.push(control >= 0 ? FIRST_CONTROL + control : taken.codePointAt(0)!);
      rest = rest.slice(taken.length);
    }
    return ids;
  }
}

/** State of one sequence. */
class SequenceState {
  finish: FinishReason | null = null;
  hasEnded = false;
  tokens: number;
  readonly ids: number[];
  resumed: Promise<void> = Promise.resolve();
  #resume: () => void = () => {};
  #held = "";
  #stopString: string | null = null;

  constructor(readonly request: SequenceRequest) {
    this.ids = [...request.begun?.tokens ?? []];
    this.tokens = this.ids.length;
  }

  /** Changes the tokens as the real engine does. */
  edit({ keep = this.tokens }: Edit, inserted: readonly string[]): SequenceEvent[] {
    if (keep > this.tokens) {
      throw new ShimmyError("invalid", `rewind: must be from 0 to ${this.tokens}, not ${keep}`, {
        field: "rewind",
      });
    }
    const events: SequenceEvent[] = keep < this.tokens ? [{ type: "rewind", keep }] : [];
    this.tokens = this.ids.length = keep;
    for (const text of inserted) {
      this.tokens++;
      const token = text.codePointAt(0) ?? 0;
      this.ids.push(token);
      events.push({ type: "token", text, token, isInserted: true });
    }
    return events;
  }

  control(control: FlowControl): void {
    switch (control.type) {
      case "pause":
      case "hold":
        this.#resume();
        this.resumed = new Promise((resolve) => this.#resume = resolve);
        return;
      case "sampling":
      case "end-reasoning":
        return;
      case "cancel":
        this.finish = "cancelled";
        break;
      case "stop":
        this.finish = "stop";
        break;
      case "resume":
      case "release":
        break;
    }
    this.#resume();
  }

  token(text: string, promptTokens: number): SequenceEvent {
    this.tokens++;
    const id = text.codePointAt(0) ?? 0;
    this.ids.push(id);
    const { logprobs } = this.request;
    const chosen = { token: id, bytes: [...new TextEncoder().encode(text)], logprob: -0.5 };
    const top = Array.from({ length: logprobs ?? 0 }, (_, rank) => ({
      ...chosen,
      token: id + rank,
      logprob: -0.5 - rank,
    }));
    return {
      type: "token",
      text: this.#release(text),
      token: id,
      ...(logprobs === undefined ? {} : { logprob: { ...chosen, top } }),
      ...(this.request.reportsTimings
        ? { soFar: { usage: this.#usage(promptTokens), timings: TIMINGS } }
        : {}),
    };
  }

  done(promptTokens: number, { notices, drafts }: Script): SequenceEvent {
    return {
      type: "done",
      text: this.#stopString === null ? this.#held : "",
      finishReason: this.finish!,
      stopString: this.#stopString,
      usage: this.#usage(promptTokens),
      slot: this.request.slot ?? 0,
      timings: {
        ...TIMINGS,
        ...(drafts === undefined ? {} : { draftedTokens: drafts[0], acceptedTokens: drafts[1] }),
      },
      ...(notices === undefined ? {} : { notices }),
      ...(this.request.trace ? { trace: this.#trace(promptTokens) } : {}),
    };
  }

  #trace(promptTokens: number): SequenceTrace {
    return {
      promptTokens: Array.from({ length: promptTokens }, (_, index) => index),
      tokens: this.ids,
      sampling: { ...DEFAULT_SAMPLING, ...this.request.sampling, seed: 7 },
      isSteered: false,
      adapters: [],
      batches: { prefillRows: [1, 1], decodeRows: [1, 1], sequences: [1, 1] },
    };
  }

  #usage(promptTokens: number) {
    return { promptTokens, completionTokens: this.tokens, cachedTokens: 0 };
  }

  /** Releases text that cannot become a stop string. */
  #release(text: string): string {
    const all = this.#held + text;
    const hits = this.request.stop.map((stop) => ({ stop, at: all.indexOf(stop) }))
      .filter(({ stop, at }) => stop !== "" && at >= 0)
      .sort((a, b) => a.at - b.at);
    const hit = hits[0];
    if (hit !== undefined) {
      this.finish = "stop";
      this.#stopString = hit.stop;
      return all.slice(0, hit.at);
    }
    let keep = 0;
    for (const stop of this.request.stop) {
      for (let length = Math.min(stop.length - 1, all.length); length > keep; length--) {
        if (all.endsWith(stop.slice(0, length))) keep = length;
      }
    }
    this.#held = all.slice(all.length - keep);
    return all.slice(0, all.length - keep);
  }
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}
