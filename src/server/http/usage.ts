/** Model and token counts of a request. */
export interface RequestUsage {
  /** Null for a request without a model. */
  readonly model: string | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A finished request: its response was sent or its client has disconnected. */
export interface AccessRecord extends RequestUsage {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
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
