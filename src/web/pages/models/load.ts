import { signal } from "@preact/signals";
import { postJson } from "../../api/mod.ts";
import { announce } from "../../ui/mod.ts";
import { messageOf, modelPath, refresh, statusOf } from "./store.ts";

/** A load that this page started. */
export interface Load {
  /** 0 to 1. */
  readonly progress: number;
  cancel(): void;
}

/** Loads of this page by model. */
export const loads = signal<ReadonlyMap<string, Load>>(new Map());

/** Milliseconds between two questions for the progress. */
const POLL_MS = 250;

/** Loads a model. The loads that other clients started are not cancelled with it. */
export async function load(name: string): Promise<void> {
  if (loads.value.has(name)) return;
  const controller = new AbortController();
  const { signal: aborted } = controller;
  const set = (progress: number) => replace(name, { progress, cancel: () => controller.abort() });
  set(0);
  const timer = setInterval(async () => {
    const { state, progress } = await statusOf(name).catch(() => ({ state: null, progress: 0 }));
    if (state === "loading" && loads.value.has(name)) set(progress);
  }, POLL_MS);
  try {
    await postJson(modelPath(name, "load"), {}, { signal: aborted });
    announce(`${name} is loaded`);
  } catch (error) {
    if (aborted.aborted) announce(`The load of ${name} was cancelled`);
    else announce(messageOf(error), { isError: true });
  } finally {
    clearInterval(timer);
    replace(name, null);
    await refresh();
  }
}

function replace(name: string, load: Load | null): void {
  const next = new Map(loads.value);
  if (load === null) next.delete(name);
  else next.set(name, load);
  loads.value = next;
}
