/** A pull that runs. */
export interface PullStatus {
  /** The reference of the model, as the pull was asked for. */
  readonly model: string;
  readonly status: string;
  /** Downloaded bytes of all files. */
  readonly completed: number;
  /** Bytes of all files; null if a size is not known. */
  readonly total: number | null;
}

/** Reports the progress and the end of a pull. */
export interface PullReport {
  progress(status: Omit<PullStatus, "model">): void;
  /** @param error Why the pull failed; null when the model is there. */
  end(outcome: "done" | "cancelled" | "failed", error: string | null): void;
}

/** The pulls that run, in the order of their begin. */
export class RunningPulls {
  readonly #pulls = new Map<PullReport, PullStatus>();

  /** @param ended is called once for each pull. */
  begin(model: string, ended: (...outcome: Parameters<PullReport["end"]>) => void): PullReport {
    const report: PullReport = {
      progress: (status) => void this.#pulls.set(report, { model, ...status }),
      end: (...outcome) => {
        if (this.#pulls.delete(report)) ended(...outcome);
      },
    };
    report.progress({ status: "pulling manifest", completed: 0, total: null });
    return report;
  }

  get all(): readonly PullStatus[] {
    return [...this.#pulls.values()];
  }
}
