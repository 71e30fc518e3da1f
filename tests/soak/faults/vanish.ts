import { delay } from "@std/async/delay";
import { FrameSocket } from "../../e2e/frame_socket.ts";
import { RawClient } from "../../support/raw_client.ts";
import { endlessBody } from "../load/requests.ts";
import { CALM } from "../load/tally.ts";
import type { SoakServer } from "../soak_server.ts";
import type { FaultContext, SharedFault } from "./fault.ts";

/** Clients that vanish at the same time. */
const CLIENTS = 3;

/** Share of clients with a WebSocket. */
const SOCKETS = 0.2;

/** Clients close their connections before the first byte, or within the answer. */
export const vanish: SharedFault = {
  name: "vanish",
  promised: CALM,
  async run(context, server) {
    const end = performance.now() + context.seconds * 1000;
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < end) {
        if (context.random.chance(SOCKETS)) await leaveSocket(context, server);
        else await vanishOnce(context, server);
      }
    }));
  },
};

async function leaveSocket({ random }: FaultContext, { base }: SoakServer): Promise<void> {
  await using socket = await FrameSocket.open(`${base.replace(/^http/, "ws")}/ws/generate`);
  socket.send(endlessBody(random));
  for (let frames = random.between(0, 9); frames > 0; frames--) await socket.frame();
}

async function vanishOnce({ random }: FaultContext, { port }: SoakServer): Promise<void> {
  using client = await RawClient.connect(port);
  const sending = {
    path: "/api/generate",
    body: endlessBody(random),
    size: random.pick([0, 3000]),
  };
  await client.post({ ...sending, split: random.chance(0.3) });
  if (random.chance(0.5)) return await delay(random.between(0, 30));
  for (let reads = random.between(1, 20); reads > 0; reads--) await client.read();
}
