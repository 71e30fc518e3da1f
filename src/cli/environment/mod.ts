/** Definition of a command, and its environment: streams, interrupts, variables and models. */
export { type Call, checkOperands, type Command, command, EXIT } from "./command.ts";
export {
  type Environment,
  type Input,
  type InterruptSignal,
  type Keyboard,
  type ModelSession,
  type ModelSessionChange,
  type ModelSessionRequest,
  type Output,
  OutputClosed,
  type ResidencyLimits,
} from "./environment.ts";
export { openFoundModels } from "./found_models.ts";
export { interruptible } from "./interrupt.ts";
