import type { ChatCommands, ChatContext } from "./command.ts";

/** Commands that change the model. */
export const MODEL_COMMANDS: ChatCommands = {
  load: {
    usage: "/load MODEL",
    help: "go on with another model",
    completes: "model",
    run: (chat, name) => {
      if (name === "") return chat.say("/load: MODEL is missing; /model lists them.");
      return load(chat, name);
    },
  },
  model: {
    usage: "/model [MODEL]",
    help: "show the model and the others, or go on with another",
    completes: "model",
    run: async (chat, name) => {
      if (name !== "") return await load(chat, name);
      const names = await chat.wait(() => chat.host.list());
      const where = chat.host.server === null ? "in this process" : `at ${chat.host.server}`;
      chat.say([
        `The model is ${chat.model.name}, ${where}.`,
        ...names.map((one) => `${one === chat.model.name ? "*" : " "} ${one}`),
      ].join("\n"));
    },
  },
};

async function load(chat: ChatContext, name: string): Promise<void> {
  await chat.switchModel(name);
  chat.say(`Going on with ${chat.model.name}; the conversation stays.`);
}
