/** The client of a running server, for the commands that use one. */
export {
  type ListedModel,
  type ReadError,
  ServerClient,
  type ServerModel,
} from "./server_client.ts";
