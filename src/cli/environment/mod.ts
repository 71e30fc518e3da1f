export { type Call, checkOperands, type Command, command, EXIT } from "./command.ts";
export {
  type Input,
  type Output,
  OutputClosed,
  type Residence,
  type Session,
  type SessionChange,
  type SessionRequest,
  type World,
} from "./environment.ts";
export { stoppable } from "./interrupt.ts";
