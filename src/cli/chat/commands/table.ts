import { similarName } from "../../../models/entry/mod.ts";
import { table } from "../../output/mod.ts";
import type { ChatCommand, ChatCommands, ChatContext } from "./command.ts";
import { CONVERSATION_COMMANDS } from "./conversation_commands.ts";
import { FILE_COMMANDS } from "./file_commands.ts";
import { INFORMATION_COMMANDS } from "./information_commands.ts";
import { MODEL_COMMANDS } from "./model_commands.ts";
import { SETTING_COMMANDS } from "./setting_commands.ts";

/** All commands of a chat, in the order of the help. */
export const CHAT_COMMANDS: ChatCommands = {
  help: {
    usage: "/help, /?",
    help: "show this help",
    run: (chat) => chat.say(helpText()),
  },
  bye: {
    usage: "/bye, /exit",
    help: "quit, like Ctrl-D",
    run: (chat) => chat.leave(),
  },
  ...CONVERSATION_COMMANDS,
  ...SETTING_COMMANDS,
  ...INFORMATION_COMMANDS,
  ...MODEL_COMMANDS,
  ...FILE_COMMANDS,
};

/** Other names of commands. */
const ALIASES: Readonly<Record<string, string>> = { "?": "help", exit: "bye", quit: "bye" };

const KEYS = [
  ["Enter", "send the message"],
  ["Alt-Enter, Ctrl-J", "begin a new line; so does a backslash at the end of a line"],
  ['"""', "begin and end a message of several lines"],
  ["Up, Down, Ctrl-R", "earlier messages, and a search through them"],
  ["Tab", "complete commands, models and files"],
  ["Ctrl-A, E, K, U, W, L", "move to the ends, delete, clear the screen"],
  ["Ctrl-C", "stop the answer; twice at the prompt: quit"],
  ["Ctrl-D", "quit"],
];

function helpText(): string {
  const commands = Object.values(CHAT_COMMANDS).map(({ usage, help }) => [usage, help]);
  return table([...commands, ["", ""], ...KEYS]);
}

/** The command of a name without the slash. */
export function findCommand(name: string): ChatCommand | undefined {
  const own = ALIASES[name] ?? name;
  return Object.hasOwn(CHAT_COMMANDS, own) ? CHAT_COMMANDS[own] : undefined;
}

/** Whether a message is a command. Only the text of a system message has several lines. */
export function isCommand(message: string): boolean {
  return message.startsWith("/") &&
    (!message.includes("\n") || /^\/(?:set\s+)?system\s/.test(message));
}

/** Runs a line that begins with a slash. */
export async function runCommand(chat: ChatContext, line: string): Promise<void> {
  const [word = ""] = line.trim().split(/\s/, 1);
  const command = findCommand(word.slice(1));
  if (command !== undefined) return await command.run(chat, line.trim().slice(word.length).trim());
  const similar = similarName(Object.keys(CHAT_COMMANDS), word.slice(1));
  const hint = similar === undefined ? "/help shows all commands." : `did you mean /${similar}?`;
  chat.say(`Unknown command ${word}; ${hint}`);
}
