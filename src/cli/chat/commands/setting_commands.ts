import { SAMPLING_OPTIONS, UsageError } from "../../options/mod.ts";
import type { ChatCommands, ChatContext, ChatSettings } from "./command.ts";

/** Names of Ollama for sampling options. */
const OTHER_NAMES: Readonly<Record<string, string>> = { "num-predict": "max-tokens" };

/** Ollama's forms that switch a setting off, and the form of `/set` that they stand for. */
const SHORT_FORMS: Readonly<Record<string, string>> = {
  nothink: "think off",
  quiet: "verbose off",
  noformat: "format text",
  nowordwrap: "wordwrap off",
  nohistory: "history off",
};

/** What `/set` sets: the possible values, and the sentence that confirms a value. */
type Setting = (chat: ChatContext, value: string) => string;

const SETTINGS: Readonly<Record<string, Setting>> = {
  system: (chat, value) => {
    chat.conversation.system = value === "" ? null : value;
    return value === "" ? "Removed the system message." : "Set the system message.";
  },
  parameter: setParameter,
  think: ({ settings }, value) => {
    const word = oneOf("think", value || "on", ["on", "off", "auto", "fold", "unfold"]);
    if (word === "fold" || word === "unfold") {
      settings.reasoning = word === "fold" ? "folded" : "shown";
      return word === "fold" ? "Reasoning is folded into one line." : "Reasoning is shown.";
    }
    settings.thinks = word === "auto" ? null : word === "on";
    if (word === "auto") return "The model reasons as it does by default.";
    return word === "on" ? "The model reasons, if it can." : "The model does not reason.";
  },
  verbose: ({ settings }, value) => {
    settings.isVerbose = isOn("verbose", value);
    return settings.isVerbose
      ? "Tokens and rates are shown after each answer."
      : "Tokens and rates are not shown.";
  },
  format: ({ settings }, value) => {
    settings.isJson = oneOf("format", value, ["json", "text"]) === "json";
    return settings.isJson ? "Answers are JSON objects." : "Answers are text.";
  },
  wordwrap: ({ settings }, value) => {
    settings.wraps = isOn("wordwrap", value);
    return settings.wraps ? "Lines are broken between words." : "Lines are not broken.";
  },
  history: ({ reader }, value) => {
    reader.keepsHistory = isOn("history", value);
    return reader.keepsHistory
      ? "Messages are kept in the history."
      : "Messages are not kept in the history.";
  },
};

/** The names after `/set`. */
export const SETTING_NAMES = Object.keys(SETTINGS);

/** `/set`. */
export const SETTING_COMMANDS: ChatCommands = {
  set: {
    usage: "/set NAME VALUE",
    help: `set ${SETTING_NAMES.join(", ")}`,
    completes: SETTING_NAMES,
    run: (chat, argument) => {
      const form = Object.hasOwn(SHORT_FORMS, argument) ? SHORT_FORMS[argument]! : argument;
      const [name = "", ...rest] = form.split(/\s+/);
      if (!Object.hasOwn(SETTINGS, name)) {
        return chat.say(`/set: NAME must be one of ${SETTING_NAMES.join(", ")}, not '${name}'.`);
      }
      // The value keeps its own spaces.
      const value = rest.length === 0 ? "" : form.slice(name.length).trim();
      chat.say(SETTINGS[name]!(chat, value));
    },
  },
  system: {
    usage: "/system TEXT",
    help: "set the system message and remove all questions and answers",
    run: (chat, text) => {
      chat.conversation.clear();
      chat.last = null;
      chat.alternatives = [];
      chat.say(SETTINGS.system!(chat, text));
    },
  },
};

/** The settings of the sampling that differ from the model's, one a line. */
export function samplingLines({ sampling }: ChatSettings): string[] {
  return Object.entries(sampling).flatMap(([name, value]) => {
    if (value === null || (Array.isArray(value) && value.length === 0)) return [];
    return `${name.replaceAll("-", "_")} ${Array.isArray(value) ? value.join(", ") : value}`;
  });
}

/** @throws {UsageError} for an invalid value. */
function setParameter({ settings }: ChatContext, argument: string): string {
  const [given = "", ...values] = argument.split(/\s+/);
  const hyphens = given.replaceAll("_", "-").toLowerCase();
  const name = OTHER_NAMES[hyphens] ?? hyphens;
  if (!Object.hasOwn(SAMPLING_OPTIONS, name)) {
    const names = Object.keys(SAMPLING_OPTIONS).map((one) => one.replaceAll("-", "_")).join(", ");
    return `/set parameter: NAME must be one of ${names}, not '${given}'.`;
  }
  const option = SAMPLING_OPTIONS[name as keyof typeof SAMPLING_OPTIONS];
  const texts = name === "stop" && values.length > 0 ? [values.join(" ")] : values;
  settings.sampling = { ...settings.sampling, [name]: option.read(texts, given) };
  return texts.length === 0
    ? `${given} is the model's own.`
    : `Set ${given} to ${texts.join(" ")}.`;
}

function isOn(name: string, value: string): boolean {
  return oneOf(name, value || "on", ["on", "off"]) === "on";
}

function oneOf(name: string, value: string, words: readonly string[]): string {
  if (words.includes(value)) return value;
  throw new UsageError(`/set ${name}: must be one of ${words.join(", ")}, not '${value}'`);
}
