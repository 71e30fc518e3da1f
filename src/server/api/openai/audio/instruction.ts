import { joinContent, type Message } from "../../../../chat/mod.ts";
import type { MediaInput } from "../../../../engine/protocol/mod.ts";
import type { TranscriptionFields } from "./schema.ts";
import type { Task } from "./transcript.ts";

/** What a model is told, as llama-server tells it. */
const INSTRUCTIONS: Readonly<Record<Task, string>> = {
  transcribe: "Transcribe audio to text",
  translate: "Translate audio to English text",
};

/** The system message with which LFM2-Audio writes speech down. Another one makes it answer instead. */
const LFM2_SYSTEM = "Perform ASR.";

/** Texts in the templates of LFM2, by which llama-server knows them. */
const LFM2_MARKS = ["<|tool_list_start|>", "<|tool_list_end|>"];

/**
 * The messages with an instruction and a sound. LFM2-Audio has its instruction for transcripts in the system
 * message, as in llama-server.
 *
 * @param template the model's chat template
 */
export function instruction(
  task: Task,
  { language, prompt }: Pick<TranscriptionFields, "language" | "prompt">,
  sound: MediaInput,
  template: string | null,
): readonly Message[] {
  const isLfm2 = task === "transcribe" && LFM2_MARKS.every((mark) => template?.includes(mark));
  const told = isLfm2 ? "" : INSTRUCTIONS[task];
  const lines = [
    [told, language ? `(language: ${language})` : ""].filter((text) => text !== "").join(" "),
    prompt ? `Context: ${prompt}` : "",
  ].filter((line) => line !== "");
  const system: readonly Message[] = isLfm2 ? [{ role: "system", content: LFM2_SYSTEM }] : [];
  return [...system, { role: "user", ...joinContent([lines.join("\n"), sound], "") }];
}
