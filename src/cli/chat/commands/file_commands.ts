import { basename, resolve } from "node:path";
import type { MediaInput } from "../../../engine/protocol/mod.ts";
import { fileReason, messageOf } from "../../../errors.ts";
import { expandHome, homeFolder } from "../../../models/entry/mod.ts";
import { readCheckedMedia } from "../../answering/mod.ts";
import { bytes, table } from "../../output/mod.ts";
import { exportText } from "../conversation/mod.ts";
import { type ChatCommands, type ChatContext, counted, tellUnreadMedia } from "./command.ts";

/** The largest file that is attached. Larger ones fit into no usual context. */
const MOST_BYTES = 2 ** 22;

/** Commands that read and write files. */
export const FILE_COMMANDS: ChatCommands = {
  save: {
    usage: "/save NAME",
    help: "save the conversation",
    completes: "session",
    run: async (chat, name) => {
      if (name === "") return chat.say("/save: NAME is missing.");
      const { messages } = chat.conversation;
      await chat.saved.save(name, { model: chat.model.name, messages });
      chat.say(`Saved ${counted(messages.length, "message")} as '${name}'.`);
    },
  },
  sessions: {
    usage: "/sessions",
    help: "list the saved conversations",
    run: async (chat) => {
      const saved = await chat.saved.list();
      if (saved.length === 0) {
        return chat.say("No conversation is saved; /save NAME saves this one.");
      }
      chat.say(table([
        ["NAME", "SAVED"],
        ...saved.map(({ name, modified }) => [name, modified?.toLocaleString() ?? "?"]),
      ]));
    },
  },
  resume: {
    usage: "/resume NAME",
    help: "go on with a saved conversation",
    completes: "session",
    run: async (chat, name) => {
      if (name === "") return chat.say("/resume: NAME is missing; /sessions lists them.");
      const { model, messages } = await chat.saved.load(name);
      chat.conversation.restore(messages);
      chat.last = null;
      chat.alternatives = [];
      const other = model === chat.model.name ? "" : `; it was saved with ${model}`;
      chat.say(`Resumed '${name}' with ${counted(messages.length, "message")}${other}.`);
      tellUnreadMedia(chat);
    },
  },
  export: {
    usage: "/export FILE",
    help: "write the conversation to a file, as Markdown or .json",
    completes: "file",
    run: async (chat, typed) => {
      const given = typedPath(typed);
      if (given === "") return chat.say("/export: FILE is missing.");
      const path = pathOf(chat, given);
      const { messages } = chat.conversation;
      const text = await exportText(path, { model: chat.model.name, messages });
      try {
        await Deno.writeTextFile(path, text, { createNew: true });
      } catch (error) {
        const reason = error instanceof Deno.errors.AlreadyExists
          ? "the file exists"
          : fileReason(error);
        return chat.say(`Cannot write '${given}': ${reason}.`);
      }
      chat.say(`Wrote ${counted(messages.length, "message")} to '${given}'.`);
    },
  },
  file: {
    usage: "/file PATH",
    help: "attach a text file to the next question",
    completes: "file",
    run: async (chat, typed) => {
      const given = typedPath(typed);
      if (given === "") return chat.say("/file: PATH is missing.");
      const text = await textOf(chat, given);
      if (text === null) return;
      const fence = "`".repeat(Math.max(3, ...runsOf(text).map((length) => length + 1)));
      chat.conversation.attach(`${basename(given)}:\n${fence}\n${text.trimEnd()}\n${fence}`);
      chat.say(
        `Attached '${given}' (${counted(text.length, "character")}) to the next question.`,
      );
    },
  },
  image: {
    usage: "/image PATH",
    help: "attach an image to the next question",
    completes: "file",
    run: (chat, typed) => attachMedia(chat, "image", typedPath(typed)),
  },
  audio: {
    usage: "/audio PATH",
    help: "attach a sound to the next question",
    completes: "file",
    run: (chat, typed) => attachMedia(chat, "audio", typedPath(typed)),
  },
};

/** Attaches an image or a sound, where the model reads them. */
async function attachMedia(
  chat: ChatContext,
  type: MediaInput["type"],
  given: string,
): Promise<void> {
  if (given === "") return chat.say(`/${type}: PATH is missing.`);
  const refusal = chat.model.refusalOf(type);
  if (refusal !== null) return chat.say(`Cannot attach '${given}': ${refusal}.`);
  try {
    const { media, description } = await readCheckedMedia(type, given, chat.environment);
    chat.conversation.attach(media);
    chat.say(`Attached '${given}' (${description}) to the next question.`);
  } catch (error) {
    chat.say(`Cannot attach '${given}': ${messageOf(error)}.`);
  }
}

/** The text of a file; null and a message when it cannot be attached. */
async function textOf(chat: ChatContext, given: string): Promise<string | null> {
  const refuse = (reason: string) => {
    chat.say(`Cannot attach '${given}': ${reason}.`);
    return null;
  };
  try {
    const path = pathOf(chat, given);
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) return refuse("it is no file");
    if (size > MOST_BYTES) {
      return refuse(`it has ${bytes(size)}, and at most ${bytes(MOST_BYTES)} are allowed`);
    }
    const content = await Deno.readFile(path);
    if (content.includes(0)) return refuse("it is no text");
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (error) {
    return refuse(error instanceof TypeError ? "it is no text in UTF-8" : fileReason(error));
  }
}

function pathOf({ environment: { env } }: ChatContext, given: string): string {
  return resolve(expandHome(given, homeFolder(env)));
}

/** A path that is typed, or that a terminal wrote when a file was dropped there: in quotes or escaped. */
function typedPath(given: string): string {
  const [, quote, quoted] = /^(['"])(.+)\1$/.exec(given) ?? [];
  // A shell ends the quotes for an apostrophe.
  if (quoted !== undefined) return quote === "'" ? quoted.replaceAll("'\\''", "'") : quoted;
  return Deno.build.os === "windows" ? given : given.replace(/\\([^\w])/g, "$1");
}

/** Lengths of the runs of backquotes in a text. */
function runsOf(text: string): number[] {
  return (text.match(/`+/g) ?? []).map(({ length }) => length);
}
