/**
 * The state of the server as it changes, from `/api/events`, while a page that shows it is open.
 *
 * @module
 */
export type {
  DeviceFigures,
  Entry,
  FinishedRequest,
  ModelFigures,
  Placement,
  Status,
} from "./types.ts";
export { entries, history, type Point, requests, status, statusAt } from "./state.ts";
export { changes, type Connection, connection, reconnect, useLive } from "./follow.ts";
