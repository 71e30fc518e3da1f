/** Model and token counts of a request. */
export interface RequestUsage {
  /** Null for a request without a model. */
  readonly model: string | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** Tokens that count for the quota of a key. */
export function tokensOf({ promptTokens, completionTokens }: RequestUsage): number {
  return promptTokens + completionTokens;
}

/** A finished request: its response was sent or its client has disconnected. */
export interface AccessRecord extends RequestUsage {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  /** Path of the route, such as `/api/models/:name/load`; `unknown` without a route. */
  readonly route: string;
  /** Id of the signed key, or `api-key`; null without a key. */
  readonly key: string | null;
  readonly status: number;
  readonly durationMs: number;
  /** Fields of the body that had no effect; absent when there are none. */
  readonly ignoredFields?: readonly string[];
}

/** Collects the usage of one request, which may have several answers. */
export class UsageRecorder {
  #usage: RequestUsage = { model: null, promptTokens: 0, completionTokens: 0 };

  /** Sets the model and adds token counts. */
  record({ model, promptTokens = 0, completionTokens = 0 }: Partial<RequestUsage>): void {
    this.#usage = {
      model: model ?? this.#usage.model,
      promptTokens: this.#usage.promptTokens + promptTokens,
      completionTokens: this.#usage.completionTokens + completionTokens,
    };
  }

  get usage(): RequestUsage {
    return this.#usage;
  }
}
