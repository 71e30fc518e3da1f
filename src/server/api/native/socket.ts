import { HttpError, type Route } from "../../http/mod.ts";
import { nativeDialect } from "./dialect.ts";
import { Session } from "./socket_session.ts";

/** `GET /ws/generate`: requests and their answers over one WebSocket, one at a time. */
export const socketRoute: Route = {
  method: "GET",
  path: "/ws/generate",
  dialect: nativeDialect,
  summary: "Generate over a WebSocket, with control while tokens flow",
  upgrade: true,
  handle({ request, context, requestId }) {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
      throw new HttpError(426, "This route speaks WebSocket: connect with ws://", {
        headers: { upgrade: "websocket", connection: "upgrade" },
      });
    }
    const { socket, response } = upgrade(request);
    const session = new Session(socket, context, requestId);
    socket.onmessage = ({ data }) => session.receive(data);
    socket.onclose = () => session.leave();
    socket.onerror = () => session.leave();
    return response;
  },
};

function upgrade(request: Request): Deno.WebSocketUpgrade {
  try {
    return Deno.upgradeWebSocket(request);
  } catch (cause) {
    throw new HttpError(400, "The WebSocket handshake is incomplete", { cause });
  }
}
