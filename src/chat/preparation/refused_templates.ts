import {
  deserializeError,
  type ModelInfo,
  type SerializedError,
} from "../../engine/protocol/mod.ts";
import type { Input } from "../conversation/mod.ts";
import { ownTemplate } from "../prompt/mod.ts";

/** Maximum number of templates: more than a server has loaded models. */
const MAX_TEMPLATES = 32;
/** Milliseconds after which a template is tried again: the machine may have been too busy. */
const LIFETIME_MS = 10 * 60_000;

/**
 * Chat templates that exceeded their budget with small conversations, by their content. Their requests
 * are refused without work.
 */
export class RefusedTemplates {
  readonly #refusals = new Map<string, { readonly error: SerializedError; readonly end: number }>();
  readonly #now: () => number;

  /** @param now Milliseconds of a clock that does not jump. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(source: string, error: SerializedError): void {
    this.#refusals.delete(source);
    const oldest = this.#refusals.keys().next();
    if (this.#refusals.size >= MAX_TEMPLATES && !oldest.done) this.#refusals.delete(oldest.value);
    this.#refusals.set(source, { error, end: this.#now() + LIFETIME_MS });
  }

  /** @throws {ShimmyError} `invalid` if the template of the input is known to exceed its budget. */
  check(info: ModelInfo, input: Input): void {
    if (this.#refusals.size === 0 || input.type !== "chat") return;
    const hasTools = input.toolChoice.type !== "none" && input.tools.length > 0;
    const source = ownTemplate(info, hasTools);
    const refusal = source === null ? undefined : this.#refusals.get(source);
    if (refusal === undefined) return;
    if (this.#now() < refusal.end) throw deserializeError(refusal.error);
    this.#refusals.delete(source!);
  }
}
