import type { TextFile } from "../conversation/mod.ts";
import { keepText, keptText } from "../kept/mod.ts";

/** A message that was not sent. */
export interface Draft {
  readonly text: string;
  readonly files: readonly TextFile[];
}

const EMPTY: Draft = { text: "", files: [] };

const keyOf = (conversation: string) => `shimmy.draft.${conversation}`;

/** The draft of a conversation; empty if there is none. */
export function draftOf(conversation: string): Draft {
  try {
    const { text, files } = JSON.parse(keptText("always", keyOf(conversation)) ?? "{}");
    return {
      text: typeof text === "string" ? text : "",
      files: Array.isArray(files) ? files : [],
    };
  } catch {
    return EMPTY;
  }
}

/**
 * Keeps the draft of a conversation across reloads.
 *
 * @returns whether it was kept; large files can exceed what the browser stores.
 */
export function keepDraft(conversation: string, { text, files }: Draft): boolean {
  const isEmpty = text === "" && files.length === 0;
  return keepText("always", keyOf(conversation), isEmpty ? null : JSON.stringify({ text, files }));
}
