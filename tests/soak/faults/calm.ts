import { delay } from "@std/async/delay";
import { CALM } from "../load/tally.ts";
import type { SharedFault } from "./fault.ts";

/** Nothing goes wrong. */
export const calm: SharedFault = {
  name: "calm",
  promised: CALM,
  run: ({ seconds }) => delay(seconds * 1000),
};
