/**
 * The state of models for operators, and `GET /api/events`, which streams it with what happens on the server.
 *
 * @module
 */
export { diagnoseModel, uptimeSeconds } from "./diagnosis.ts";
export { followEvents } from "./events_route.ts";
