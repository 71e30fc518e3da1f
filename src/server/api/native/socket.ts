import { STATUS_CODE } from "@std/http/status";
import { HttpError, type RouteCode } from "../../http/mod.ts";
import { Session } from "./socket_session.ts";

/** `GET /ws/generate`: one request at a time over a WebSocket. */
export const generateOverSocket: RouteCode = {
  handle({ request, context, requestId, client, key, keyId }) {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      throw new HttpError(
        STATUS_CODE.UpgradeRequired,
        "This route requires WebSocket: connect with ws://",
        {
          headers: { upgrade: "websocket", connection: "upgrade" },
        },
      );
    }
    if (context.replaced?.aborted) {
      throw new HttpError(STATUS_CODE.ServiceUnavailable, "Connect again");
    }
    const { socket, response } = upgrade(request);
    const session = new Session(socket, context, { requestId, client, key, keyId });
    socket.onmessage = ({ data }) => session.receive(data);
    socket.onclose = () => session.close();
    socket.onerror = () => session.close();
    return response;
  },
};

function upgrade(request: Request): Deno.WebSocketUpgrade {
  try {
    return Deno.upgradeWebSocket(request);
  } catch (cause) {
    throw new HttpError(STATUS_CODE.BadRequest, "The WebSocket handshake is incomplete", { cause });
  }
}
