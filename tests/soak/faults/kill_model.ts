import { delay } from "@std/async/delay";
import { MODEL_ENDS } from "../load/tally.ts";
import type { SharedFault } from "./fault.ts";

/** The model's process is killed amid its answers, as the kernel does when memory is short. */
export const killModel: SharedFault = {
  name: "kill-model",
  promised: MODEL_ENDS,
  async run({ random, seconds }, server) {
    const process = await server.modelProcess();
    await delay(random.between(500, 1000 * Math.max(1, seconds - 2)));
    Deno.kill(process.pid, "SIGKILL");
    await server.replaced(process);
    await delay(1500);
  },
};
