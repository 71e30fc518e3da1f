import type { AnswerEvent } from "../../../../chat/mod.ts";
import type { Usage } from "../../../../engine/protocol/mod.ts";
import { toNotices } from "../shared/envelope.ts";
import type { TranscriptFormat } from "./schema.ts";

/** What the sound becomes. */
export type Task = "transcribe" | "translate";

/** A finished transcript. */
export interface Transcribed {
  readonly task: Task;
  /** Language of the request. */
  readonly language: string | null;
  readonly text: string;
  readonly done: Extract<AnswerEvent, { type: "done" }>;
}

/** `usage` of transcripts. */
export function transcriptUsage({ promptTokens, completionTokens, audioTokens = 0 }: Usage) {
  return {
    type: "tokens" as const,
    input_tokens: promptTokens,
    input_token_details: { text_tokens: promptTokens - audioTokens, audio_tokens: audioTokens },
    output_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** A transcript as JSON. */
export function transcriptJson(
  { task, language, text, done }: Transcribed,
  isVerbose: boolean,
) {
  const duration = done.usage.audioSeconds ?? 0;
  return {
    text,
    ...(isVerbose
      ? {
        task,
        language: task === "translate" ? "english" : language,
        duration,
        segments: [{ id: 0, start: 0, end: duration, text }],
      }
      : {}),
    usage: transcriptUsage(done.usage),
    ...toNotices([done]),
  };
}

/** A transcript as text: plain, or as one cue of SubRip or WebVTT (W3C) as long as the sound. */
export function transcriptText(
  { text, done }: Transcribed,
  format: Exclude<TranscriptFormat, "json" | "verbose_json">,
): string {
  if (format === "text") return `${text}\n`;
  const seconds = done.usage.audioSeconds ?? 0;
  // An empty line ends a cue.
  const cue = text.replaceAll(/\s*\n\s*/g, "\n").replaceAll("-->", "->");
  if (format === "srt") {
    return `1\n${timestamp(0, ",")} --> ${timestamp(seconds, ",")}\n${cue}\n\n`;
  }
  const escaped = cue.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `WEBVTT\n\n${timestamp(0, ".")} --> ${timestamp(seconds, ".")}\n${escaped}\n\n`;
}

/** A time as `00:00:00,000`. */
function timestamp(seconds: number, separator: string): string {
  const all = Math.round(seconds * 1000);
  const part = (unit: number, base: number, digits: number) =>
    String(Math.floor(all / unit) % base).padStart(digits, "0");
  const clock = `${part(3_600_000, 100, 2)}:${part(60_000, 60, 2)}:${part(1000, 60, 2)}`;
  return `${clock}${separator}${part(1, 1000, 3)}`;
}
