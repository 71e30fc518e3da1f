import type { Attributes, Histogram, Meter } from "@opentelemetry/api";

/** Buckets in seconds, as the GenAI semantic conventions advise. */
const REQUEST_BUCKETS = [
  ...[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64],
  ...[1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
];
const FIRST_TOKEN_BUCKETS = [
  ...[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1],
  ...[0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
];
const TOKEN_BUCKETS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];

/** Durations of one answer in milliseconds. */
export interface AnswerDurations {
  readonly totalMs: number;
  /** Null for an answer without a token. */
  readonly firstTokenMs: number | null;
  /** Mean time of a token after the first; null for an answer without such a token. */
  readonly perTokenMs: number | null;
}

/** The metrics of model servers of the GenAI semantic conventions. */
export class AnswerHistograms {
  readonly #request: Histogram;
  readonly #firstToken: Histogram;
  readonly #perToken: Histogram;

  constructor(meter: Meter) {
    const seconds = (name: string, description: string, explicitBucketBoundaries: number[]) =>
      meter.createHistogram(`gen_ai.server.${name}`, {
        description,
        unit: "s",
        advice: { explicitBucketBoundaries },
      });
    this.#request = seconds(
      "request.duration",
      "Time from the start of an answer to its end",
      REQUEST_BUCKETS,
    );
    this.#firstToken = seconds(
      "time_to_first_token",
      "Time from the submission of a prompt to the first token",
      FIRST_TOKEN_BUCKETS,
    );
    this.#perToken = seconds(
      "time_per_output_token",
      "Mean time of the tokens of an answer after the first",
      TOKEN_BUCKETS,
    );
  }

  record({ totalMs, firstTokenMs, perTokenMs }: AnswerDurations, attributes: Attributes): void {
    this.#request.record(totalMs / 1000, attributes);
    if (firstTokenMs !== null) this.#firstToken.record(firstTokenMs / 1000, attributes);
    if (perTokenMs !== null) this.#perToken.record(perTokenMs / 1000, attributes);
  }
}
