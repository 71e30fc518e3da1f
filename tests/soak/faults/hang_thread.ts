import { delay } from "@std/async/delay";
import { engineThread, holdThread, whyNoHold } from "../../support/held_thread.ts";
import { MODEL_ENDS } from "../load/tally.ts";
import type { SharedFault } from "./fault.ts";

/** The engine's thread stops amid its work, while the other threads of its process run. */
export const hangThread: SharedFault = {
  name: "hang-thread",
  promised: MODEL_ENDS,
  unavailable: whyNoHold,
  async run(_, server) {
    const process = await server.modelProcess();
    using _held = holdThread(await engineThread(process.pid));
    await server.replaced(process);
    await delay(1500);
  },
};
