import { joinContent, type Message } from "../../../../chat/mod.ts";
import type { MediaInput } from "../../../../engine/protocol/mod.ts";
import type { TranscriptionFields } from "./schema.ts";
import type { Task } from "./transcript.ts";

/** What a model is told, as llama-server tells it. */
const INSTRUCTIONS: Readonly<Record<Task, string>> = {
  transcribe: "Transcribe audio to text",
  translate: "Translate audio to English text",
};

/** The message with an instruction and a sound. */
export function instruction(
  task: Task,
  { language, prompt }: Pick<TranscriptionFields, "language" | "prompt">,
  sound: MediaInput,
): Message {
  const lines = [
    language ? `${INSTRUCTIONS[task]} (language: ${language})` : INSTRUCTIONS[task],
    ...(prompt ? [`Context: ${prompt}`] : []),
  ];
  return { role: "user", ...joinContent([lines.join("\n"), sound], "") };
}
