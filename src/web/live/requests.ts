import { ApiError, request, serverEvents, tooLargeError, valuesOf } from "../api/mod.ts";
import { framesOfChat } from "./chat_frames.ts";
import type { AnswerRequest, Frame } from "./frames.ts";

/** The id of a streamed answer of the native API. */
const ANSWER_HEADER = "x-shimmy-answer";

/** The media type of the frames of native answers. */
const LINES = "application/x-ndjson";

/** A stream of frames and the id of its answer. */
export interface Frames {
  readonly id: string;
  readonly frames: AsyncGenerator<Frame>;
}

/**
 * Starts an answer.
 * @param name the name by which the next visit of this page finds the answer, which goes on when the page is
 * left; null: it ends then.
 * @param maxBytes Maximum bytes that the server takes in a request; null: not known.
 * @throws {ApiError}
 */
export async function startFrames(
  { route, body }: AnswerRequest,
  name: string | null,
  maxBytes: number | null,
): Promise<Frames> {
  const detach = name ?? false;
  if (route === "chat") {
    const options = { include_usage: true, continuous_usage_stats: true };
    const more = { stream: true, stream_options: options, detach };
    return await chatFrames(await post("/v1/chat/completions", { ...body, ...more }, maxBytes));
  }
  const more = { stream: true, stream_format: "ndjson", detach };
  return nativeFrames(await post("/api/generate", { ...body, ...more }, maxBytes));
}

/** The frames of a native answer, whose id is in the head. */
function nativeFrames(response: Response): Frames {
  const id = response.headers.get(ANSWER_HEADER);
  if (id === null) throw new ApiError("The server did not name the answer", response.status);
  return { id, frames: valuesOf<Frame>(response) };
}

/** Bytes of a request during which a server or a proxy may close the connection because it is too large. */
const LARGE = 64 * 1024;

async function post(path: string, value: unknown, maxBytes: number | null): Promise<Response> {
  const headers = { "content-type": "application/json" };
  const body = new TextEncoder().encode(JSON.stringify(value));
  if (body.length > (maxBytes ?? Infinity)) throw tooLargeError();
  try {
    return await request(path, { method: "POST", headers, body });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 0 || body.length < LARGE) throw error;
    // A browser shows no response to a request that it has not sent to its end.
    const message = `${error.message}, or does not take a request of ${
      Math.ceil(body.length / 1024)
    } KiB`;
    throw new ApiError(message, 0);
  }
}

/** The frames of a chat completion, whose chunks have its id. */
async function chatFrames(response: Response): Promise<Frames> {
  const events = serverEvents(response);
  const { value: first, done } = await events.next();
  if (done) throw new ApiError("The server sent no answer", response.status);
  const { id, error } = JSON.parse(first.data);
  if (error !== undefined) throw new ApiError(error.message, response.status);
  const all = async function* () {
    yield first;
    yield* events;
  };
  return { id, frames: framesOfChat(all(), id) };
}

/**
 * Takes up an answer again: all its frames, then those that come.
 *
 * @param idOrName its id or its name; the server waits while the answer has its name only.
 * @throws {ApiError} with status 404 or 410 if the server no longer has it.
 */
export async function resumeFrames(idOrName: string): Promise<Frames> {
  const headers = { accept: LINES };
  const path = `/api/generate/${encodeURIComponent(idOrName)}/stream`;
  const response = await request(path, { headers });
  // A chat completion is sent as it was, whatever is asked for.
  const isNative = response.headers.get("content-type")?.startsWith(LINES) ?? false;
  return isNative ? nativeFrames(response) : await chatFrames(response);
}
