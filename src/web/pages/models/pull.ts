import { signal } from "@preact/signals";
import { request, valuesOf } from "../../api/mod.ts";
import { announce } from "../../ui/mod.ts";
import { advance, BEGIN, type PullLine, type PullProgress } from "./pull_progress.ts";
import { messageOf, refresh } from "./store.ts";

/** A pull that this page started. */
export interface Pull {
  readonly id: number;
  readonly model: string;
  readonly progress: PullProgress;
  /** Why it failed; null while it runs. */
  readonly error: string | null;
  /** Ends a pull that runs. */
  cancel(): void;
}

/** The pulls of this page that run or failed, the oldest first. */
export const pulls = signal<readonly Pull[]>([]);

let lastId = 0;

/** Pulls a model. Leaving the document cancels it; the next pull goes on from there. */
export async function pull(model: string): Promise<void> {
  const id = ++lastId;
  const controller = new AbortController();
  const { signal: aborted } = controller;
  const begun: Pull = {
    ...{ id, model, progress: BEGIN, error: null },
    cancel: () => controller.abort(),
  };
  pulls.value = [...pulls.value, begun];
  try {
    const response = await request("/api/pull", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, stream: true }),
      signal: aborted,
    });
    let progress = BEGIN;
    for await (const line of valuesOf<PullLine>(response)) {
      if (line.error !== undefined) throw new Error(line.error);
      progress = advance(progress, line);
      change(id, { progress });
    }
    // A proxy can end a stream as if it were complete.
    if (progress.status !== "success") throw new Error("The connection to the server broke");
    announce(`${model} is pulled`);
    dismiss(id);
  } catch (error) {
    if (!aborted.aborted) return change(id, { error: messageOf(error) });
    announce(`The pull of ${model} was cancelled; the next pull goes on`);
    dismiss(id);
  } finally {
    await refresh();
  }
}

/** Removes a pull that failed from the list. */
export function dismiss(id: number): void {
  pulls.value = pulls.value.filter((one) => one.id !== id);
}

function change(id: number, values: Partial<Pull>): void {
  pulls.value = pulls.value.map((one) => one.id === id ? { ...one, ...values } : one);
}
