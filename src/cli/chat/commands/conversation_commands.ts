import type { ContentPart } from "../../../chat/mod.ts";
import { type ChatCommands, type ChatContext, counted } from "./command.ts";
import { copyText } from "./clipboard.ts";
import { editText } from "./open_editor.ts";

/** Commands that change the questions and answers. */
export const CONVERSATION_COMMANDS: ChatCommands = {
  clear: {
    usage: "/clear",
    help: "remove all questions and answers",
    run: (chat) => {
      const { questions } = chat.conversation;
      chat.conversation.clear();
      chat.last = null;
      chat.alternatives = [];
      const kept = chat.conversation.system === null ? "" : "; the system message stays";
      chat.say(`Removed ${counted(questions, "question")}${kept}.`);
    },
  },
  retry: {
    usage: "/retry [TEMPERATURE]",
    help: "answer the last question again",
    run: async (chat, argument) => {
      const temperature = argument === "" ? null : Number(argument);
      if (temperature !== null && !(temperature >= 0 && temperature < Infinity)) {
        return chat.say(`/retry: TEMPERATURE must be a number of at least 0, not '${argument}'.`);
      }
      if (chat.conversation.questions === 0) return chat.say("There is no question to retry.");
      const back = chat.conversation.mark();
      chat.conversation.dropAnswer();
      chat.say(
        temperature === null
          ? "Answering the last question again."
          : `Answering the last question again with temperature ${temperature}.`,
      );
      if (!await chat.answer(temperature === null ? {} : { temperature })) back();
    },
  },
  undo: {
    usage: "/undo",
    help: "remove the last question and its answer",
    run: (chat) => {
      const question = chat.conversation.undo();
      chat.alternatives = [];
      chat.say(
        question === null ? "There is no question to remove." : `Removed: ${described(question)}`,
      );
    },
  },
  edit: {
    usage: "/edit",
    help: "edit the last question in $EDITOR and answer it again",
    run: async (chat) => {
      const { conversation } = chat;
      const last = conversation.question;
      const before = textOf(last ?? []);
      const edited = await editText(chat, before);
      if (edited === null) return;
      if (edited.trim() === "") return chat.say("The text is empty; nothing was changed.");
      if (last !== null && edited === before) return chat.say("The question is unchanged.");
      const back = conversation.mark();
      conversation.undo();
      // Images and sounds stay, before the text.
      for (const part of last ?? []) if (typeof part !== "string") conversation.attach(part);
      conversation.ask(edited);
      chat.say(`Asking: ${firstLine(edited)}`);
      if (!await chat.answer()) return back();
      chat.alternatives = [];
    },
  },
  copy: {
    usage: "/copy",
    help: "copy the last answer to the clipboard",
    run: async (chat) => {
      const { answer } = chat.conversation;
      if (answer === null) return chat.say("There is no answer to copy.");
      const way = await chat.wait(() => copyText(answer.content, chat.environment));
      if (way === null) return chat.say("Cannot copy: there is no clipboard and no terminal.");
      chat.say(`Copied the last answer (${counted(answer.content.length, "character")}) ${way}.`);
    },
  },
  fork: {
    usage: "/fork N",
    help: "answer the last question N times at once; /keep chooses an answer",
    run: (chat, argument) => fork(chat, argument),
  },
  keep: {
    usage: "/keep N",
    help: "go on with answer N of /fork",
    run: (chat, argument) => {
      const { alternatives } = chat;
      if (alternatives.length === 0) {
        return chat.say("There are no answers; /fork N computes them.");
      }
      const chosen = /^\d+$/.test(argument) ? alternatives[Number(argument) - 1] : undefined;
      if (chosen === undefined) {
        return chat.say(`/keep: N must be 1 to ${alternatives.length}, not '${argument}'.`);
      }
      chat.conversation.reply(chosen.text, chosen.reasoning);
      chat.last = chosen;
      chat.say(`Going on with answer ${argument}.`);
    },
  },
};

/** The most answers of one `/fork`. */
const MOST_ANSWERS = 16;

async function fork(chat: ChatContext, argument: string): Promise<void> {
  const count = /^\d+$/.test(argument) ? Number(argument) : NaN;
  if (!(count >= 2 && count <= MOST_ANSWERS)) {
    return chat.say(`/fork: N must be a whole number 2 to ${MOST_ANSWERS}, not '${argument}'.`);
  }
  if (chat.conversation.questions === 0) return chat.say("There is no question to answer.");
  const back = chat.conversation.mark();
  chat.conversation.dropAnswer();
  const answers = await chat.answers(count);
  const [first] = answers;
  if (first === undefined) return back();
  chat.alternatives = answers;
  chat.conversation.reply(first.text, first.reasoning);
  chat.last = first;
  chat.say(`Going on with answer 1 of ${answers.length}; /keep N chooses another.`);
}

/** The texts of a question. */
function textOf(parts: readonly ContentPart[]): string {
  return parts.filter((part) => typeof part === "string").join("\n\n");
}

/** The first line of a question, and the numbers of its images and sounds. */
function described(parts: readonly ContentPart[]): string {
  const media = parts.filter((part) => typeof part !== "string");
  const sounds = media.filter(({ type }) => type === "audio").length;
  const counts = [[media.length - sounds, "image"], [sounds, "sound"]] as const;
  const named = counts.flatMap(([count, noun]) => count === 0 ? [] : [counted(count, noun)]);
  const line = firstLine(textOf(parts));
  return named.length === 0 ? line : `${line} (with ${named.join(" and ")})`;
}

function firstLine(text: string): string {
  const [line = "", ...rest] = text.trim().split("\n");
  return rest.length === 0 ? line : `${line} …`;
}
