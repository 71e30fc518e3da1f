/** The client of a running server, for the commands that manage one. */
export {
  type ListedModel,
  SERVER_OPTIONS,
  ServerClient,
  type ServerModel,
} from "./server_client.ts";
