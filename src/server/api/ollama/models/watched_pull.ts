import { ShimmyError } from "../../../../errors.ts";
import { missingBytes, type PullEvent, type PullPlan } from "../../../../models/pull/mod.ts";
import type { PullReport } from "../../../activity/mod.ts";

/** Sums the progress of the files of a pull, for those who watch the server. */
export class WatchedPull {
  readonly #report: PullReport | undefined;
  readonly #total: number | null;
  /** Downloaded bytes by file. */
  readonly #completed = new Map<string, number>();

  constructor(report: PullReport | undefined, plan: PullPlan) {
    this.#report = report;
    this.#total = missingBytes(plan);
  }

  onEvent(event: PullEvent): void {
    if (event.type === "finish") return this.#tell("writing manifest");
    const { file, progress } = event;
    if (progress.phase === "wait") return this.#tell("waiting for another download");
    if (progress.phase === "check") return this.#tell("verifying sha256 digest");
    this.#completed.set(file.path, progress.bytes);
    this.#tell(`pulling ${file.name}`);
  }

  /** @param error Why the pull failed; absent when the model is there. */
  end(error?: unknown): void {
    if (error === undefined) return this.#report?.end("done", null);
    if (error instanceof ShimmyError && error.kind === "cancelled") {
      return this.#report?.end("cancelled", null);
    }
    const message = error instanceof ShimmyError ? error.message : "Internal error";
    this.#report?.end("failed", message);
  }

  #tell(status: string): void {
    const completed = this.#completed.values().reduce((sum, bytes) => sum + bytes, 0);
    this.#report?.progress({ status, completed, total: this.#total });
  }
}
