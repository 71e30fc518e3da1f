/**
 * Running answers: the frames of the native API as text, tokens and forks, and the controls that steer them.
 *
 * @module
 */
export { AnswerText, type Piece, textBefore, tokensBefore } from "./answer_text.ts";
export { control, type ControlFields } from "./control.ts";
export type { Alternative, AnswerRequest, Frame, GenerateRequest } from "./frames.ts";
export { FrameReader } from "./frame_reader.ts";
export { level, LEVELS, probabilityText, visibleText } from "./probability.ts";
export { type Frames, resumeFrames, startFrames } from "./requests.ts";
