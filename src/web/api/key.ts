import { signal } from "@preact/signals";
import { keepText, keptText } from "../kept/mod.ts";

const STORED = "shimmy.key";

/** The access key that requests send; null: none. It is kept until the tab is closed. */
export const key = signal<string | null>(keptText("session", STORED));

/** A question for the key; the shell shows it. Null: there is none. */
export const keyRequest = signal<{ readonly isWrong: boolean } | null>(null);

/** Resolves at the answer to the open question. */
let answered: PromiseWithResolvers<string | null> | null = null;

/**
 * Asks the user for a key. Several requests share one question.
 *
 * @param refused the key that the server did not accept; null: none was sent.
 * @returns the key; null if the user gives none.
 */
export function askKey(refused: string | null): Promise<string | null> {
  if (key.value !== refused) return Promise.resolve(key.value);
  if (answered === null) {
    answered = Promise.withResolvers();
    keyRequest.value = { isWrong: refused !== null };
  }
  return answered.promise;
}

/** Answers the question for the key; null: the user closed the dialog. */
export function giveKey(given: string | null): void {
  if (given !== null) {
    key.value = given;
    keepText("session", STORED, given);
  }
  keyRequest.value = null;
  answered?.resolve(given);
  answered = null;
}
