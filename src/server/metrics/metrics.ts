import type { Registry } from "prom-client";
import type { AnswerEvent } from "../../chat/mod.ts";
import type { ModelPool } from "../../models/registry/mod.ts";
import type { LoadedModel } from "./endpoint_picker.ts";
import { engineStatus } from "./engine_status.ts";
import { createInstruments, type Instruments } from "./instruments.ts";

/** Observations kept until prom-client is loaded; at this number it is loaded. */
const BACKLOG_LIMIT = 512;

/** Maximum number of fields with a label of their own; clients choose the names of unknown fields. */
const MAX_FIELD_LABELS = 128;

/** Methods with a label of their own; clients can send any word as a method. */
const METHODS: readonly string[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Records the metrics of one answer. */
export interface AnswerObserver {
  event(event: AnswerEvent): void;
  /** Generation failed. */
  failed(): void;
  /** The iteration of the answer has ended. */
  ended(): void;
}

/**
 * The metrics of one server. Loading prom-client would delay start-up, so it is loaded after the first
 * answer or at the first scrape; earlier observations are kept in a short list.
 */
export class Metrics {
  #hasAnswers = false;
  #instruments: Instruments | null = null;
  #loading: Promise<Instruments> | null = null;
  #backlog: ((instruments: Instruments) => void)[] = [];
  readonly #fieldLabels = new Set<string>();

  /** Counts an HTTP request by the path of its route and its status. */
  request(given: string, route: string, status: number): void {
    const method = METHODS.includes(given) ? given : "other";
    this.#record((to) => to.requests.inc({ method, route, status }));
  }

  /** Counts fields of a request that had no effect; beyond a limit, fields count as `other`. */
  ignoredFields(dialect: string, fields: readonly string[]): void {
    for (const name of fields) {
      const isKnown = this.#fieldLabels.has(name) || this.#fieldLabels.size < MAX_FIELD_LABELS;
      if (isKnown) this.#fieldLabels.add(name);
      const field = isKnown ? name : "other";
      this.#record((to) => to.ignoredFields.inc({ dialect, field }));
    }
  }

  /** Counts a request of a key by its status; without a key nothing is counted. */
  keyRequest(key: string | null, status: number): void {
    if (key !== null) this.#record((to) => to.keyRequests.inc({ key, status }));
  }

  /** Adds the tokens of a request of a key. */
  keyTokens(
    key: string | null,
    usage: { readonly promptTokens: number; readonly completionTokens: number },
  ): void {
    if (key === null) return;
    for (
      const [kind, tokens] of [["prompt", usage.promptTokens], [
        "completion",
        usage.completionTokens,
      ]] as const
    ) {
      if (tokens > 0) this.#record((to) => to.keyTokens.inc({ key, kind }, tokens));
    }
  }

  /** Whether an answer has begun since the start. */
  get hasAnswers(): boolean {
    return this.#hasAnswers;
  }

  /** Observes an answer whose request arrives now. */
  observeAnswer(): AnswerObserver {
    this.#hasAnswers = true;
    let last = performance.now();
    let tokens = 0;
    return {
      event: (event) => {
        if (event.type === "done") {
          const { usage, finishReason, timings } = event;
          this.#record((to) => {
            to.promptTokens.inc(usage.promptTokens);
            to.cachedTokens.inc(usage.cachedTokens);
            to.completionTokens.inc(usage.completionTokens);
            to.answers.inc({ finish_reason: finishReason });
            to.queueSeconds.observe(timings.queueMs / 1000);
          });
          return;
        }
        const now = performance.now();
        const seconds = (now - last) / 1000;
        last = now;
        const first = tokens++ === 0;
        this.#record((to) =>
          (first ? to.firstTokenSeconds : to.interTokenSeconds).observe(seconds)
        );
      },
      failed: () => this.#record((to) => to.answers.inc({ finish_reason: "failed" })),
      ended: () => void this.#load(),
    };
  }

  /** All metrics in Prometheus text format, with the content type. */
  async render(pool: ModelPool): Promise<{ readonly text: string; readonly contentType: string }> {
    const { registry } = await this.#update(pool);
    return { text: await registry.metrics(), contentType: registry.contentType };
  }

  /** All metrics as data. */
  async values(pool: ModelPool): Promise<Awaited<ReturnType<Registry["getMetricsAsJSON"]>>> {
    return await (await this.#update(pool)).registry.getMetricsAsJSON();
  }

  /** The instruments, with the present figures of the models. */
  async #update(pool: ModelPool): Promise<Instruments> {
    const instruments = await this.#load();
    const loaded = new Map<string, boolean>();
    const models: LoadedModel[] = [];
    for (const entry of await pool.list()) {
      const { engine } = pool.state(entry);
      loaded.set(entry.name, engine !== null);
      const status = engine === null ? null : await engineStatus(engine);
      if (status !== null) models.push({ name: entry.name, status });
    }
    // Nothing is awaited from here on: another read at the same time would add the same figures once more.
    instruments.resetModels();
    for (const [model, isLoaded] of loaded) {
      instruments.modelLoaded.set({ model }, isLoaded ? 1 : 0);
    }
    for (const { name, status } of models) instruments.setModel(name, status);
    instruments.server.set(models);
    return instruments;
  }

  #record(observation: (instruments: Instruments) => void): void {
    if (this.#instruments !== null) return observation(this.#instruments);
    if (this.#backlog.push(observation) >= BACKLOG_LIMIT) void this.#load();
  }

  #load(): Promise<Instruments> {
    this.#loading ??= createInstruments().then((instruments) => {
      this.#instruments = instruments;
      for (const observation of this.#backlog) observation(instruments);
      this.#backlog = [];
      return instruments;
    });
    return this.#loading;
  }
}
