import { delay } from "@std/async/delay";
import { MODEL_ENDS } from "../load/tally.ts";
import type { SharedFault } from "./fault.ts";

/** The model's process is stopped: its heartbeats are missing. */
export const stopModel: SharedFault = {
  name: "stop-model",
  promised: MODEL_ENDS,
  async run(_, server) {
    const process = await server.modelProcess();
    Deno.kill(process.pid, "SIGSTOP");
    await server.replaced(process);
    await delay(1500);
  },
};
