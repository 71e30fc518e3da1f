import type { Control } from "../../engine/protocol/mod.ts";
import type { Caller } from "./start_answer.ts";

/** An answer, or all choices of a request. */
interface Controlled {
  control(control: Control): void;
}

/** Running answers by the id of their response, for each server. */
const running = new WeakMap<object, Map<string, Set<Controlled>>>();

/** Lets other requests control an answer by the id of its response until the exchange ends. */
export function nameAnswer(
  caller: Pick<Caller, "context" | "onEnd">,
  id: string,
  answer: Controlled,
): void {
  const { pool } = caller.context;
  const answers = running.get(pool) ?? new Map<string, Set<Controlled>>();
  running.set(pool, answers);
  const named = answers.get(id) ?? new Set<Controlled>();
  answers.set(id, named.add(answer));
  caller.onEnd(() => {
    named.delete(answer);
    if (named.size === 0) answers.delete(id);
  });
}

/** Controls the answers of a response. @returns false if no such response is running. */
export function controlAnswers(
  { context }: Pick<Caller, "context">,
  id: string,
  control: Control,
): boolean {
  const answers = running.get(context.pool)?.get(id);
  for (const answer of answers ?? []) answer.control(control);
  return answers !== undefined;
}
