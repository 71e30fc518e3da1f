import { ATTACH_OPTIONS, SAMPLING_OPTIONS, text, texts } from "../options/mod.ts";
import { MODEL_OPTIONS, PULL_OPTIONS } from "../sessions/mod.ts";

/** Options of the commands that start a chat. */
export const CHAT_OPTIONS = {
  ...MODEL_OPTIONS,
  "system": text("TEXT", { help: "system message" }),
  "image": texts("FILE", { isPath: true, help: "image before the first question" }),
  "audio": texts("FILE", { isPath: true, help: "sound before the first question, after images" }),
  ...PULL_OPTIONS,
  ...ATTACH_OPTIONS,
  ...SAMPLING_OPTIONS,
} as const;
