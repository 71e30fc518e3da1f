import { type AnswerEvent, type Format, type Input, promptText } from "../../../../chat/mod.ts";
import { collectEvents, type Engine, type Sink, Transform } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import { type Exchange, json, ndjsonStream } from "../../../http/mod.ts";
import {
  bindAnswer,
  engineForEntry,
  engineForModel,
  preparerOf,
  startAnswer,
} from "../../../answers/mod.ts";
import { keepAliveOf } from "../../../schemas/mod.ts";
import { errorLine } from "../dialect.ts";
import { toStatistics } from "./statistics.ts";
import { resolveModelName } from "../models/tagged_name.ts";
import { checkLoaded, toAnswerOptions } from "../request/options.ts";
import {
  type AnswerChunk,
  ChunkBuilder,
  type DoneEvent,
  EMPTY_CHUNK,
  mergeChunks,
} from "./chunks.ts";
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
      _debug_info: {
        rendered_template: await promptText(engine, input, preparerOf(exchange)),
      },
    });
  }
  const request = {
    input,
    ...toAnswerOptions(options, body),
    format,
    ignoreEos: false,
    logprobs,
  };
  const end: End = async (done, content) => ({
    ...toStatistics(done, { totalMs: performance.now() - began, loadMs }),
    ...await asked.finish?.(engine, input, content),
  });
  if (body.stream === false) {
    const collect = (sink: Sink<AnswerEvent>) => bindAnswer(exchange, engine, request, sink);
    return json(await whole(collect, asked, end));
  }
  const stream = ndjsonStream();
  await startAnswer(exchange, engine, request, new Lines(asked, end, stream)).started;
  return stream.response;
}

/** The first fields of every line. */
function head({ body }: GenerationRequest): Line {
  return { model: body.model, created_at: new Date().toISOString() };
}

/** The lines of a streamed answer. */
class Lines extends Transform<AnswerEvent, Line> {
  readonly #asked: GenerationRequest;
  readonly #end: End;
  readonly #chunks = new ChunkBuilder((chunk) => this.#add(chunk));
  #content = "";
  #done: DoneEvent | null = null;

  constructor(asked: GenerationRequest, end: End, stream: Sink<Line>) {
    super(stream);
    this.#asked = asked;
    this.#end = end;
  }

  override event(event: AnswerEvent): void {
    this.#chunks.add(event);
    if (event.type === "done") this.#done = event;
  }

  override end(error?: unknown): void {
    if (this.#done === null) return this.#fail(error);
    this.#end(this.#done, this.#content).then((last) => {
      this.out.event({ ...head(this.#asked), ...this.#asked.shape(EMPTY_CHUNK), ...last });
      this.out.end();
    }).catch((thrown) => this.#fail(thrown));
  }

  #add(chunk: AnswerChunk): void {
    this.#content += chunk.content;
    this.out.event({ ...head(this.#asked), ...this.#asked.shape(chunk), done: false });
  }

  #fail(thrown: unknown): void {
    this.out.event(errorLine(thrown));
    this.out.end();
  }
}

async function whole(
  start: (sink: Sink<AnswerEvent>) => unknown,
  asked: GenerationRequest,
  end: End,
): Promise<Line> {
  const collected: { all: AnswerChunk; done?: DoneEvent } = { all: EMPTY_CHUNK };
  const chunks = new ChunkBuilder((chunk) => collected.all = mergeChunks(collected.all, chunk));
  await collectEvents<AnswerEvent>(start, (event) => {
    chunks.add(event);
    if (event.type === "done") collected.done = event;
  });
  const { all, done } = collected;
  return { ...head(asked), ...asked.shape(all), ...await end(done!, all.content) };
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
