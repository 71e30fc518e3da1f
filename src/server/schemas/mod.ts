/**
 * Request fields that several dialects share, as zod schemas with their conversion to the engine's terms.
 *
 * @module
 */
export { bytesOfBase64 } from "./base64.ts";
export { boundLists } from "./bounded_lists.ts";
export { ANY_VALUE, fieldNamesAt, ignored, ignoredAt, visitIgnored } from "./ignored_values.ts";
export { imageOfBase64, imageOfUrl, textWithImages } from "./images.ts";
export { soundOfBase64, textWithMedia } from "./sounds.ts";
export { keepAlive, keepAliveOf } from "./keep_alive.ts";
export { plainMessage } from "./plain_message.ts";
export { fixed, unsupported, withoutEffect } from "./unsupported.ts";
export {
  detachField,
  integerBetween,
  integerFrom,
  isGiven,
  reasoningSampling,
  runFields,
  samplingFields,
  stopFields,
  toRun,
  toSampling,
  toStopConditions,
} from "./sampling.ts";
export { THINKING_LEVELS, thinkingArguments } from "./thinking.ts";
export { unionOf } from "./union.ts";
