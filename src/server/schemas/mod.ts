export { keepAlive, keepAliveOf } from "./keep_alive.ts";
export { only, refused } from "./refused.ts";
export {
  endingFields,
  integerBetween,
  integerFrom,
  isGiven,
  reasoningSampling,
  runFields,
  samplingFields,
  toEnding,
  toRun,
  toSampling,
} from "./sampling.ts";
export { THINKING_LEVELS, thinkingArguments } from "./thinking.ts";
