import { type Format, type Input, promptText } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import { type Exchange, json, ndjsonStream, statusOf, toShimmyError } from "../../../http/mod.ts";
import { engineForEntry, engineForModel, startAnswer } from "../../../answers/mod.ts";
import { keepAliveOf } from "../../../schemas/mod.ts";
import { ollamaDialect } from "../dialect.ts";
import { toStatistics } from "./statistics.ts";
import { resolveModelName } from "../models/tagged_name.ts";
import { checkLoaded, toAnswerOptions } from "../request/options.ts";
import { type AnswerChunk, type DoneEvent, EMPTY_CHUNK, mergeChunks, toChunks } from "./chunks.ts";
import type { AnswerBody } from "../request/schema.ts";
import { checkThinks } from "../request/think.ts";

/** A generation request of `/api/chat` or `/api/generate`. */
export interface GenerationRequest {
  readonly body: AnswerBody;
  /** What the model must support. */
  readonly does: "chat" | "generate";
  /** Creates the prompt; null: the request only loads or unloads the model. */
  readonly input: ((engine: Engine) => Input | Promise<Input>) | null;
  /** The fields of a chunk in the form of the route. */
  readonly shape: (piece: AnswerChunk) => Line;
  /** Fields of the last line that depend on the whole answer. */
  readonly finish?: (engine: Engine, input: Input, content: string) => Promise<Line>;
}

/** The JSON of a response, or of a line of it. */
type Line = Readonly<Record<string, unknown>>;

/** The fields of the last line. */
type End = (done: DoneEvent, content: string) => Promise<Line>;

/**
 * Generates the response: NDJSON whose last line has `done: true`, or one object with `stream: false`.
 */
export async function respond(exchange: Exchange, asked: GenerationRequest): Promise<Response> {
  const began = performance.now();
  const { body } = asked;
  const { pool } = exchange.context;
  const format = toFormat(body);
  const logprobs = toLogprobs(body);
  const options = body.options ?? {};
  const named = await resolveModelName(pool, body.model);
  const { entry } = named;
  if (entry.kind !== "language") {
    throw new ShimmyError("invalid", `"${body.model}" does not support ${asked.does}`, {
      field: "model",
    });
  }
  checkThinks(body.think, entry, body.model);
  if (asked.input === null) return await loadOrUnload(exchange, asked, entry);
  const { engine } = await engineForModel(exchange, named, keepAliveOf(body.keep_alive));
  const loadMs = performance.now() - began;
  checkLoaded(options, engine.info);
  const input = await asked.input(engine);
  if (body._debug_render_only) {
    return json({
      ...head(asked),
      ...asked.shape(EMPTY_CHUNK),
      done: false,
      _debug_info: { rendered_template: await promptText(engine, input) },
    });
  }
  const answer = await startAnswer(exchange, engine, {
    input,
    ...toAnswerOptions(options, body),
    format,
    ignoreEos: false,
    logprobs,
  });
  const end: End = async (done, content) => ({
    ...toStatistics(done, { totalMs: performance.now() - began, loadMs }),
    ...await asked.finish?.(engine, input, content),
  });
  if (body.stream !== false) return ndjsonStream(lines(toChunks(answer), asked, end));
  return json(await whole(toChunks(answer), asked, end));
}

/** The first fields of every line. */
function head({ body }: GenerationRequest): Line {
  return { model: body.model, created_at: new Date().toISOString() };
}

async function* lines(
  parts: AsyncIterable<AnswerChunk | DoneEvent>,
  asked: GenerationRequest,
  end: End,
): AsyncGenerator<Line, void> {
  try {
    let content = "";
    for await (const part of parts) {
      if ("type" in part) {
        yield { ...head(asked), ...asked.shape(EMPTY_CHUNK), ...await end(part, content) };
      } else {
        content += part.content;
        yield { ...head(asked), ...asked.shape(part), done: false };
      }
    }
  } catch (thrown) {
    const error = toShimmyError(thrown);
    yield ollamaDialect.errorBody(error, statusOf(error), "") as Line;
  }
}

async function whole(
  parts: AsyncIterable<AnswerChunk | DoneEvent>,
  asked: GenerationRequest,
  end: End,
): Promise<Line> {
  let all = EMPTY_CHUNK;
  let done: DoneEvent | undefined;
  for await (const part of parts) {
    if ("type" in part) done = part;
    else all = mergeChunks(all, part);
  }
  if (done === undefined) throw new ShimmyError("backend", "Generation ended without a result");
  return { ...head(asked), ...asked.shape(all), ...await end(done, all.content) };
}

/** A request without a prompt: loads the model, or unloads it with `keep_alive: 0` when it is idle. */
async function loadOrUnload(
  exchange: Exchange,
  asked: GenerationRequest,
  entry: ModelEntry,
): Promise<Response> {
  const { pool } = exchange.context;
  const keepAlive = keepAliveOf(asked.body.keep_alive);
  const unload = keepAlive === 0;
  if (!unload || pool.state(entry).state === "loaded") {
    const { info } = await engineForEntry(exchange, entry, keepAlive);
    if (!unload) checkLoaded(asked.body.options ?? {}, info);
  }
  return json({
    ...head(asked),
    ...asked.shape(EMPTY_CHUNK),
    done: true,
    done_reason: unload ? "unload" : "load",
  });
}

function toFormat({ format }: AnswerBody): Format {
  if (!format) return { type: "text" };
  return format === "json" ? { type: "json_object" } : { type: "json_schema", schema: format };
}

function toLogprobs({ logprobs, top_logprobs: top }: AnswerBody): number | null {
  if (logprobs) return top ?? 0;
  if (top) {
    const message = "top_logprobs: requires logprobs to be true";
    throw new ShimmyError("invalid", message, { field: "top_logprobs" });
  }
  return null;
}
