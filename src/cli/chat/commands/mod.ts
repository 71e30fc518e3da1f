/** The commands of a chat, which begin with a slash. */
export { tellUnreadMedia } from "./command.ts";
export type { ChatContext, ChatSettings, LastAnswer, Totals } from "./command.ts";
export { completeLine } from "./complete.ts";
export { isCommand, runCommand } from "./table.ts";
