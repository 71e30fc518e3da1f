import type { KvStream } from "../../src/engine/kv_cache/mod.ts";
import type { Sequence } from "../../src/engine/scheduler/sequence.ts";
import { MediaRuns } from "../../src/engine/media/media_runs.ts";
import type { TraceRequest } from "./trace.ts";

/** What the scheduler reads of a sequence. */
type Scheduled = Pick<
  Sequence,
  | "adapters"
  | "boundaries"
  | "capacity"
  | "completionTokens"
  | "draft"
  | "hasMedia"
  | "hasSampled"
  | "id"
  | "isAtMedia"
  | "isRestoring"
  | "maxTokens"
  | "media"
  | "outputs"
  | "paused"
  | "promptOutputs"
  | "promptLength"
  | "remaining"
  | "request"
  | "sampled"
  | "firstTokenAt"
  | "scope"
  | "scoredTokens"
  | "scoresPrompt"
  | "stream"
  | "submitted"
  | "tokens"
>;

/** A text request in the scheduler, without sampler and text: its answer has the length of the trace. */
export class SimulatedSequence implements Scheduled {
  readonly request = { prompt: "", maxTokens: null } as unknown as Sequence["request"];
  readonly adapters = { key: "" } as Sequence["adapters"];
  readonly media = MediaRuns.NONE;
  readonly boundaries: readonly number[] = [];
  readonly promptLength: number;
  readonly outputs: number[] = [];
  readonly promptOutputs: number[] = [];
  readonly scoredTokens = 0;
  readonly scoresPrompt = false;
  readonly paused = false;
  readonly isRestoring = false;
  readonly isAtMedia = false;
  readonly hasMedia = false;
  scope = "";
  capacity = Infinity;
  draft: readonly number[] = [];
  stream: KvStream | null = null;
  sampled = 0;
  firstTokenAt = 0;
  cachedTokens = -1;

  /**
   * @param tokens the prompt
   * @param submitted when it came to its replica, in milliseconds of the simulation
   */
  constructor(
    readonly id: number,
    readonly source: TraceRequest,
    readonly tokens: number[],
    readonly submitted: number,
  ) {
    this.promptLength = tokens.length;
  }

  get maxTokens(): number {
    return this.source.output_length;
  }

  get completionTokens(): number {
    return this.sampled;
  }

  get hasSampled(): boolean {
    return this.sampled > 0;
  }

  get remaining(): number {
    return this.tokens.length - (this.stream?.tokens.length ?? 0);
  }

  /** @returns whether it is the first stream of the sequence. */
  admit(stream: KvStream): boolean {
    this.stream = stream;
    if (this.cachedTokens >= 0) return false;
    this.cachedTokens = stream.tokens.length;
    return true;
  }

  /** Samples a token. @returns whether the answer is complete. */
  sample(token: number, now: number): boolean {
    if (this.sampled++ === 0) this.firstTokenAt = now;
    this.tokens.push(token);
    return this.sampled >= this.maxTokens;
  }

  /** This sequence, as the engine's own rules take it. They read no more of it than is here. */
  get asSequence(): Sequence {
    return this as unknown as Sequence;
  }
}
