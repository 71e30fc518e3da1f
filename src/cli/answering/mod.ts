/** Where a command's answers are computed: by a running server or in this process. */
export { conversation, requestOf } from "./answer_request.ts";
export { readCheckedMedia } from "./read_checked_media.ts";
export { readImage } from "./read_image.ts";
export { readSound } from "./read_sound.ts";
export { findServer, type FoundServer } from "./find_server.ts";
export type { ModelDescription, ModelHost, OpenModel } from "./model_host.ts";
export { type AnswerCall, type Opened, openModel } from "./open_model.ts";
