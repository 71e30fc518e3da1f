import {
  inlinePreparer,
  type JsonParser,
  type Preparer,
} from "../../src/chat/preparation/prepare.ts";
import { parseJsonBytes } from "../../src/json_value.ts";

/** A preparer that works in the calling thread, and what it was asked for. */
export interface CountingPreparer extends Preparer, JsonParser {
  readonly calls: (keyof Preparer | keyof JsonParser)[];
}

export function countingPreparer(): CountingPreparer {
  const calls: CountingPreparer["calls"] = [];
  return {
    calls,
    answer(...call) {
      calls.push("answer");
      return inlinePreparer.answer(...call);
    },
    prompt(...call) {
      calls.push("prompt");
      return inlinePreparer.prompt(...call);
    },
    // An error rejects, as in a thread.
    async json(...call) {
      calls.push("json");
      return await Promise.resolve(parseJsonBytes(...call));
    },
  };
}
