import { delay } from "@std/async/delay";
import { RawClient } from "../../support/raw_client.ts";
import { largeBody } from "../load/requests.ts";
import { CALM } from "../load/tally.ts";
import type { SharedFault } from "./fault.ts";

/** Each takes two rounds of all answers that run at once. */
const CLIENTS = 2;

/** Clients ask for streams and never read them. They hold no place that others wait for. */
export const stall: SharedFault = {
  name: "stall",
  promised: CALM,
  async run({ random, seconds }, { port }) {
    using clients = new DisposableStack();
    for (let count = 0; count < CLIENTS; count++) {
      const client = clients.use(await RawClient.connect(port));
      await client.post({ path: "/v1/chat/completions", body: largeBody(random) });
    }
    await delay(2 * seconds * 1000);
  },
};
