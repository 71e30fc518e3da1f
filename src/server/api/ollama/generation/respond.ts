import type { Format, Input } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import { type Exchange, json, ndjsonStream, statusOf, toShimmyError } from "../../../http/mod.ts";
import { engineForEntry, engineForModel, startAnswer } from "../../../answers/mod.ts";
import { keepAliveOf } from "../../../schemas/mod.ts";
import { ollamaDialect } from "../dialect.ts";
import { ending } from "./statistics.ts";
import { resolveAdapted } from "../models/tagged_name.ts";
import { checkLoaded, toAnswerOptions } from "../request/options.ts";
import { type DoneEvent, join, NO_PIECE, type Piece, pieces } from "./chunks.ts";
import type { AnswerBody } from "../request/schema.ts";
import { checkThinks } from "../request/think.ts";

/** What tells `/api/chat` and `/api/generate` apart. */
export interface Asked {
  readonly body: AnswerBody;
  /** Where the prompt comes from; `null`: there is none, the model is only to be loaded or unloaded. */
  readonly input: ((engine: Engine) => Input | Promise<Input>) | null;
  /** A piece of the answer as this route writes it. */
  readonly shape: (piece: Piece) => Readonly<Record<string, unknown>>;
}

/** JSON of one answer, or of one line of it. */
type Line = Readonly<Record<string, unknown>>;

/**
 * Answers a request in Ollama's form: lines of NDJSON that end with `done: true`, or with
 * `stream: false` one object.
 */
export async function respond(exchange: Exchange, asked: Asked): Promise<Response> {
  const began = performance.now();
  const { body } = asked;
  const { pool } = exchange.context;
  const format = toFormat(body);
  const logprobs = toLogprobs(body);
  const options = body.options ?? {};
  const named = await resolveAdapted(pool, body.model);
  const { entry } = named;
  checkThinks(body.think, entry);
  if (asked.input === null) return await loadOrUnload(exchange, asked, entry);
  const { engine } = await engineForModel(exchange, named, keepAliveOf(body.keep_alive));
  const loadMs = performance.now() - began;
  checkLoaded(options, engine.info);
  const { sampling, stop, maxTokens } = toAnswerOptions(options);
  const input = await asked.input(engine);
  const answer = await startAnswer(exchange, engine, {
    input,
    maxTokens,
    sampling,
    stop,
    format,
    ignoreEos: false,
    logprobs,
  });
  const end = (done: DoneEvent) => ending(done, { totalMs: performance.now() - began, loadMs });
  if (body.stream !== false) return ndjsonStream(lines(pieces(answer), asked, end));
  return json(await whole(pieces(answer), asked, end));
}

/** What every line begins with. */
function head({ body }: Asked): Line {
  return { model: body.model, created_at: new Date().toISOString() };
}

async function* lines(
  parts: AsyncIterable<Piece | DoneEvent>,
  asked: Asked,
  end: (done: DoneEvent) => Line,
): AsyncGenerator<Line, void> {
  try {
    for await (const part of parts) {
      yield "type" in part
        ? { ...head(asked), ...asked.shape(NO_PIECE), ...end(part) }
        : { ...head(asked), ...asked.shape(part), done: false };
    }
  } catch (thrown) {
    const error = toShimmyError(thrown);
    yield ollamaDialect.errorBody(error, statusOf(error), "") as Line;
  }
}

async function whole(
  parts: AsyncIterable<Piece | DoneEvent>,
  asked: Asked,
  end: (done: DoneEvent) => Line,
): Promise<Line> {
  let all = NO_PIECE;
  let done: DoneEvent | undefined;
  for await (const part of parts) {
    if ("type" in part) done = part;
    else all = join(all, part);
  }
  if (done === undefined) throw new ShimmyError("backend", "The answer broke off");
  return { ...head(asked), ...asked.shape(all), ...end(done) };
}

/** A request without a prompt: the model is loaded, or with `keep_alive: 0` unloaded when nobody uses it. */
async function loadOrUnload(
  exchange: Exchange,
  asked: Asked,
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
    ...asked.shape(NO_PIECE),
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
    const message = "top_logprobs: needs logprobs to be true";
    throw new ShimmyError("invalid", message, { field: "top_logprobs" });
  }
  return null;
}
