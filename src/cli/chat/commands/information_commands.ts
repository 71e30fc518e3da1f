import { fields } from "../../output/mod.ts";
import { bar, probabilityLines, rateLine } from "../rendering/mod.ts";
import { type ChatCommands, type ChatContext, counted } from "./command.ts";
import { samplingLines } from "./setting_commands.ts";

/** What `/show` shows. */
const SHOWN: Readonly<Record<string, (chat: ChatContext) => Promise<string> | string>> = {
  info: async ({ model }) => fields((await model.describe()).info),
  template: async ({ model }) =>
    (await model.describe()).template || `${model.name} has no chat template.`,
  parameters: async ({ model, settings }) => {
    const own = (await model.describe()).parameters;
    const set = samplingLines(settings);
    if (own === "" && set.length === 0) return "No parameter is set; llama.cpp's values apply.";
    return [
      ...(own === "" ? [] : ["Of the model:", own]),
      ...(set.length === 0 ? [] : ["Of this chat:", ...set]),
    ].join("\n");
  },
  system: async ({ model, conversation }) =>
    conversation.system ?? ((await model.describe()).system || "There is no system message."),
  license: async ({ model }) =>
    (await model.describe()).license || `${model.name} states no license.`,
  modelfile: async ({ model }) => (await model.describe()).modelfile.trimEnd(),
  reasoning: ({ conversation }) =>
    conversation.answer?.reasoning?.trim() || "The last answer has no reasoning.",
};

/** The names after `/show`. */
const SHOW_NAMES = Object.keys(SHOWN);

/** Commands that show something. */
export const INFORMATION_COMMANDS: ChatCommands = {
  show: {
    usage: "/show NAME",
    help: `show ${SHOW_NAMES.join(", ")}`,
    completes: SHOW_NAMES,
    run: async (chat, name) => {
      if (!Object.hasOwn(SHOWN, name)) {
        return chat.say(`/show: NAME must be one of ${SHOW_NAMES.join(", ")}, not '${name}'.`);
      }
      chat.say(await chat.wait(async () => await SHOWN[name]!(chat)));
    },
  },
  tokens: {
    usage: "/tokens",
    help: "show how much of the context the conversation takes",
    run: async (chat) => {
      const { contextLength } = chat.model;
      const isEmpty = chat.conversation.messages.length === 0;
      const used = isEmpty ? 0 : await chat.wait(() => chat.countTokens());
      const share = used / contextLength;
      chat.say(`${bar(share)} ${used} of ${contextLength} tokens, ${Math.round(share * 100)} %`);
    },
  },
  why: {
    usage: "/why",
    help: "show the probabilities of the last answer's tokens",
    run: (chat) => {
      const { last } = chat;
      if (last === null) return chat.say("There is no answer yet.");
      if (last.logprobs.length === 0) return chat.say("The last answer has no probabilities.");
      chat.say(probabilityLines(last.logprobs).join("\n"));
    },
  },
  stats: {
    usage: "/stats",
    help: "show tokens and rates of the last answer and of the chat",
    run: (chat) => {
      const { last, totals } = chat;
      if (last === null) return chat.say("There is no answer yet.");
      chat.say(fields([
        ["last answer", rateLine(last.usage, last.timings)],
        [
          "this chat",
          `${counted(totals.answers, "answer")} with ${totals.completionTokens} tokens; ` +
          `prompts with ${totals.promptTokens} tokens`,
        ],
      ]));
    },
  },
};
