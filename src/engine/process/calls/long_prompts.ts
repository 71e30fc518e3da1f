import { ShimmyError } from "../../../errors.ts";
import type { Control, PromptPart } from "../../protocol/mod.ts";
import { LONG_TEXT } from "../../tokenizer/mod.ts";

/** Maximum prompts that wait to be tokenized; more are refused. */
export const MAX_LONG_PROMPTS = 64;

/** Maximum token ids of a reply: the other process would need long to receive more. */
export const MAX_REPLIED_TOKENS = 1_000_000;

/** Token ids that are decoded without a step of the loop between them. */
export const DECODED_TOKENS = 16_384;

/** Whether the texts of a prompt are so long that another thread should tokenize them. */
export function isLong(prompt: readonly PromptPart[]): boolean {
  let length = 0;
  for (const part of prompt) if ("text" in part) length += part.text.length;
  return length >= LONG_TEXT;
}

/** Work with long texts, one after the other, and the controls of sequences that wait for it. */
export class LongPrompts {
  readonly #controls = new Map<number, Control[]>();
  #last: Promise<void> = Promise.resolve();
  #count = 0;

  /** Number of prompts and other texts that are not tokenized yet. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when nothing is being tokenized. */
  get idle(): Promise<void> {
    return this.#last;
  }

  /** @throws {ShimmyError} `overloaded` if many prompts wait. */
  checkRoom(): void {
    if (this.#count < MAX_LONG_PROMPTS) return;
    const message = `The queue is full: ${MAX_LONG_PROMPTS} long prompts are waiting`;
    throw new ShimmyError("overloaded", message, { retryAfter: 1 });
  }

  /** Runs work after the earlier work. The work handles its own errors. */
  add(work: () => Promise<void>): void {
    this.#count++;
    this.#last = this.#last.then(work).finally(() => this.#count--);
  }

  /** Keeps the controls of a sequence until {@linkcode LongPrompts.takeControls}. */
  keepControls(id: number): void {
    this.#controls.set(id, []);
  }

  /** Whether the sequence waits for its prompt; the control is then kept. */
  control(id: number, control: Control): boolean {
    const kept = this.#controls.get(id);
    // Nothing follows a cancellation.
    if (control.type === "cancel") kept?.splice(0);
    return kept?.push(control) !== undefined;
  }

  /** Whether a sequence that waits for its prompt was cancelled. */
  isCancelled(id: number): boolean {
    return this.#controls.get(id)?.at(-1)?.type === "cancel";
  }

  takeControls(id: number): readonly Control[] {
    const controls = this.#controls.get(id) ?? [];
    this.#controls.delete(id);
    return controls;
  }
}
