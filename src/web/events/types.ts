/** Events of `/api/events`, as docs/api/native.md describes them. */

/** Memory of a model on a device, in bytes. */
export interface Placement {
  readonly device: string;
  /** The output layer counts as one. */
  readonly layers: number;
  readonly weight_bytes: number;
  readonly kv_bytes: number | null;
  readonly compute_bytes: number | null;
}

/** A device that a loaded model uses. */
export interface DeviceFigures {
  readonly name: string;
  readonly description: string;
  readonly kind: string;
  readonly memory_free: number;
  readonly memory_total: number;
}

/** A slot of the KV cache. */
export interface Slot {
  readonly id: number;
  readonly tokens: number;
  readonly running: {
    readonly prompt_tokens: number;
    readonly cached_tokens: number;
    readonly completion_tokens: number;
  } | null;
}

/** A model that is loaded, loading or failed. The optional figures are those of a loaded model. */
export interface ModelFigures {
  readonly name: string;
  readonly state: "loading" | "loaded" | "failed";
  readonly progress: number;
  readonly error: string | null;
  readonly prompt_per_second: number;
  readonly completion_per_second: number;
  readonly requests?: number;
  readonly memory_bytes?: number | null;
  readonly expires_at?: string | null;
  readonly description?: string;
  readonly context_length?: number;
  readonly parallel?: number;
  readonly threads?: number;
  readonly layers?: number;
  readonly offloaded_layers?: number;
  readonly placement?: readonly Placement[];
  readonly notes?: readonly string[];
  readonly devices?: readonly DeviceFigures[];
  readonly queue?: { readonly running: number; readonly waiting: number };
  readonly kv_cells?: { readonly used: number; readonly total: number };
  readonly slots?: readonly Slot[];
  readonly statistics?: {
    readonly prompt_tokens: number;
    readonly cached_tokens: number;
    readonly completion_tokens: number;
    readonly acceptance_rate: number | null;
    readonly evictions: number;
    readonly preemptions: number;
  } | null;
}

/** The event `status`. */
export interface Status {
  readonly time: string;
  readonly uptime_seconds: number;
  readonly memory: {
    readonly process_bytes: number;
    readonly available_bytes: number | null;
    readonly total_bytes: number | null;
  };
  readonly requests: { readonly running: number; readonly waiting: number };
  readonly prompt_per_second: number;
  readonly completion_per_second: number;
  readonly models: readonly ModelFigures[];
  readonly pulls: readonly {
    readonly model: string;
    readonly status: string;
    readonly completed: number;
    readonly total: number | null;
  }[];
  readonly missed: number;
}

/** The event `request`. */
export interface FinishedRequest {
  readonly time: string;
  readonly request_id: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly model: string | null;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly duration_ms: number;
}

/** A line of the log of the page. */
export interface Entry {
  /** Increases from entry to entry. */
  readonly id: number;
  readonly time: string;
  readonly level: "error" | "warn" | "info";
  readonly text: string;
  /** The request that failed. */
  readonly requestId?: string;
}

/** Data of the other events. */
export interface EventData {
  readonly status: Status;
  readonly request: FinishedRequest;
  readonly model: {
    readonly time: string;
    readonly name: string;
    readonly state: string;
    readonly previous: string;
    readonly error: string | null;
  };
  readonly pull: {
    readonly time: string;
    readonly model: string;
    readonly outcome: "done" | "cancelled" | "failed";
    readonly error: string | null;
  };
  readonly error: {
    readonly time: string;
    readonly request_id: string;
    readonly status: number;
    readonly message: string;
  };
  readonly log: {
    readonly time: string;
    readonly level: Entry["level"];
    readonly message: string | null;
  };
}
