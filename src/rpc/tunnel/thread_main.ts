import { acceptAll, closeQuietly, relay } from "../streams/mod.ts";
import { secureClient } from "./secure.ts";
import type { TunnelReply, TunnelRequest } from "./tunnels.ts";

const scope = globalThis as unknown as {
  postMessage(message: TunnelReply): void;
  onmessage: ((event: MessageEvent<TunnelRequest>) => void) | null;
};

scope.onmessage = ({ data }) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  scope.postMessage({ id: data.id, port: listener.addr.port });
  void accept(listener, data);
};

async function accept(listener: Deno.TcpListener, request: TunnelRequest): Promise<void> {
  for await (const local of acceptAll(listener)) void tunnel(local, request);
}

/** A connection that cannot be made ends: ggml's process then ends too, and its death is explained. */
async function tunnel(local: Deno.TcpConn, { target, key }: TunnelRequest): Promise<void> {
  try {
    local.setNoDelay(true);
    const remote = await Deno.connect({ ...target });
    remote.setNoDelay(true);
    remote.setKeepAlive(true);
    await relay(local, await secureClient(remote, key));
  } catch {
    closeQuietly(local);
  }
}
