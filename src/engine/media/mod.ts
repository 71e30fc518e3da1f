/** Images and sounds in prompts: decoding, encoding, and their rows in a sequence. */
export { decodeBatch, MediaBatch } from "./media_batch.ts";
export type { MeasuredPrompt } from "./measured_prompt.ts";
export { Media, type PreparedPrompt } from "./media.ts";
export { MediaNumbers } from "./media_numbers.ts";
export { MediaRuns } from "./media_runs.ts";
export { type OpenedMedia, openMedia } from "./open_media.ts";
