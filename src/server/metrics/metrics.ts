import type { AnswerEvent } from "../../chat/mod.ts";
import type { ModelPool } from "../../models/registry/mod.ts";
import { statusOf } from "./engine_status.ts";
import { createInstruments, type Instruments } from "./instruments.ts";

/** What was seen before prom-client is there waits in a list; it is loaded when that has grown so long. */
const BACKLOG_LIMIT = 512;

/** Sees one answer from the outside. */
export interface Watch {
  see(event: AnswerEvent): void;
  /** The answer has failed. */
  fail(): void;
  /** Nobody iterates it any more. */
  end(): void;
}

/**
 * The counts of one server. prom-client takes a good part of start-up's time, so it is loaded after
 * the first answer or at the first scrape; until then observations wait in a short list.
 */
export class Metrics {
  #instruments: Instruments | null = null;
  #loading: Promise<Instruments> | null = null;
  #backlog: ((instruments: Instruments) => void)[] = [];

  /** Counts an HTTP request by its route's path and its status. */
  request(method: string, route: string, status: number): void {
    this.#record((to) => to.requests.inc({ method, route, status }));
  }

  /** Begins to observe an answer that was asked for now. */
  watch(): Watch {
    let last = performance.now();
    let tokens = 0;
    return {
      see: (event) => {
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
      fail: () => this.#record((to) => to.answers.inc({ finish_reason: "failed" })),
      end: () => void this.#load(),
    };
  }

  /** The state of things in Prometheus' text format, with its content type. */
  async render(pool: ModelPool): Promise<{ readonly text: string; readonly contentType: string }> {
    const instruments = await this.#load();
    instruments.resetModels();
    for (const entry of await pool.list()) {
      const { engine } = pool.state(entry);
      instruments.modelLoaded.set({ model: entry.name }, engine === null ? 0 : 1);
      if (engine === null) continue;
      const status = await statusOf(engine);
      if (status !== null) instruments.setModel(entry.name, status);
    }
    return {
      text: await instruments.registry.metrics(),
      contentType: instruments.registry.contentType,
    };
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
