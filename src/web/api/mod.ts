/**
 * The client of the server that the page came from: addresses, the access key, requests and streams.
 *
 * @module
 */
export { apiUrl, BASE } from "./base.ts";
export { giveKey, key, keyRequest } from "./key.ts";
export { listModels, type ModelSummary } from "./models.ts";
export { ApiError, getJson, postJson, request, tooLargeError } from "./request.ts";
export { type ServerEvent, serverEvents, valuesOf } from "./streams.ts";
