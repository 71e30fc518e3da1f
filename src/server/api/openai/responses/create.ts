import type { AnswerEvent, AnswerRequest } from "../../../../chat/mod.ts";
import { collectEvents, type Engine, type Sink, Transform } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import {
  eventStream,
  type Exchange,
  json,
  readJson,
  type ServerSentEvent,
  toShimmyError,
} from "../../../http/mod.ts";
import { isStrict, parseLenient } from "../../../validation/mod.ts";
import { bindAnswer, ContinuedAnswer, engineFor, startAnswer } from "../../../answers/mod.ts";
import { newId, unixSeconds } from "../shared/envelope.ts";
import type { Done } from "../shared/collected_answer.ts";
import { type FoundTools, ResponseBuilder, type ResponseEvent } from "./builder.ts";
import { SearchedParts } from "./searched_parts.ts";
import type { ConversationItem } from "./items.ts";
import {
  type ResponseBody,
  responseBody,
  type ResponsePrompt,
  toResponseInput,
  toResponseRequest,
} from "./schema.ts";
import type { ReachableResponses } from "./shared_responses.ts";
import type { ConversationTurn } from "./store.ts";

/** Resolves the conversation of a request. */
export async function toTurn(
  { own, shared }: ReachableResponses,
  body: ResponsePrompt,
): Promise<ConversationTurn> {
  const { previous_response_id: previous, input } = body;
  if (previous) await shared.fetch(previous);
  const before = previous ? own.get(previous, "previous_response_id").conversation : [];
  const items = typeof input === "string"
    ? [{ role: "user", content: input } as const satisfies ConversationItem]
    : input ?? [];
  return { before, input: own.dereference(items, before) };
}

/** Generates one response. */
class ResponseGeneration {
  readonly builder: ResponseBuilder;
  readonly request: AnswerRequest;

  constructor(
    readonly exchange: Exchange,
    readonly engine: Engine,
    readonly store: ReachableResponses,
    readonly turn: ConversationTurn,
    readonly body: ResponseBody,
    model: string,
  ) {
    const { input, ...prompt } = toResponseInput(body, [...turn.before, ...turn.input]);
    if (prompt.notices.length > 0 && isStrict(exchange)) {
      throw new ShimmyError("invalid", prompt.notices[0]!);
    }
    this.request = toResponseRequest(body, input);
    const head = { id: newId("resp_"), createdAt: unixSeconds(), model, body };
    this.builder = new ResponseBuilder(head, prompt);
  }

  /** Completes the response and stores it. Returns the last events. */
  async end(done: Done): Promise<readonly ResponseEvent[]> {
    const text = this.builder.reasoning;
    const thought = text === ""
      ? 0
      : await this.engine.countTokens([{ text, special: false }], false);
    const events = [...this.builder.end(done, thought)];
    if (this.body.store ?? true) {
      const { response } = this.builder;
      this.store.own.add(response, this.turn.input, this.turn.before);
      await this.store.shared.share(response.id);
    }
    return events;
  }
}

/**
 * The events of a response. When the model searches for tools, and the server runs the search, the answer
 * goes on with the tools that were found. The last event of the answer has the usage of all parts.
 */
class SearchingResponse extends ContinuedAnswer<AnswerEvent | FoundTools> {
  readonly #generation: ResponseGeneration;
  readonly #parts: SearchedParts;

  constructor(generation: ResponseGeneration, out: Sink<AnswerEvent | FoundTools>) {
    super(out);
    this.#generation = generation;
    this.#parts = new SearchedParts(generation.turn, generation.body);
  }

  protected override take(event: Exclude<AnswerEvent, Done>): void {
    this.#parts.take(event, this.#generation.builder.targets);
    this.out.event(event);
  }

  /** Runs the searches of a part and starts the next part; false when the answer ends instead. */
  protected override goesOn(done: Done): boolean {
    const { builder, exchange, engine } = this.#generation;
    const found = this.#parts.end(done);
    for (const tools of found) this.out.event({ type: "found_tools", tools });
    const next = found.length === 0 ? null : this.#parts.next(builder.items);
    if (next === null) {
      this.out.event(this.#parts.whole(done));
      return false;
    }
    builder.targets = next.targets;
    bindAnswer(exchange, engine, next.request, this);
    return true;
  }
}

/** The events of a response as server-sent events. */
class ResponseEvents extends Transform<AnswerEvent | FoundTools, ServerSentEvent> {
  readonly #generation: ResponseGeneration;
  #hasBegun = false;
  #done: Done | null = null;

  constructor(generation: ResponseGeneration, stream: Sink<ServerSentEvent>) {
    super(stream);
    this.#generation = generation;
  }

  override event(event: AnswerEvent | FoundTools): void {
    this.#begin();
    if (event.type === "done") this.#done = event;
    else this.#send(this.#generation.builder.add(event));
  }

  override end(error?: unknown): void {
    this.#begin();
    if (this.#done === null) return this.#fail(error);
    this.#generation.end(this.#done).then((events) => {
      this.#send(events);
      this.out.end();
    }).catch((thrown) => this.#fail(thrown));
  }

  #begin(): void {
    if (!this.#hasBegun) this.#send(this.#generation.builder.begin());
    this.#hasBegun = true;
  }

  #fail(error: unknown): void {
    this.#send(this.#generation.builder.fail(toShimmyError(error)));
    this.out.end();
  }

  #send(events: Iterable<ResponseEvent>): void {
    for (const event of events) {
      this.out.event({ event: event.type, data: JSON.stringify(event) });
    }
  }
}

/** `POST /v1/responses`. */
export async function create(exchange: Exchange, store: ReachableResponses): Promise<Response> {
  const body = parseLenient(exchange, responseBody, await readJson(exchange));
  const turn = await toTurn(store, body);
  const { entry, engine } = await engineFor(exchange, body.model ?? undefined);
  const generation = new ResponseGeneration(exchange, engine, store, turn, body, entry.name);
  const { request, builder } = generation;
  const searching = (sink: Sink<AnswerEvent | FoundTools>) =>
    new SearchingResponse(generation, sink);
  if (body.stream) {
    const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
    await startAnswer(exchange, engine, request, searching(new ResponseEvents(generation, stream)))
      .started;
    return stream.response;
  }
  const collected: { done?: Done } = {};
  await collectEvents<AnswerEvent | FoundTools>(
    (sink) => bindAnswer(exchange, engine, request, searching(sink)),
    (event) => {
      if (event.type === "done") collected.done = event;
      else for (const _ of builder.add(event));
    },
  );
  await generation.end(collected.done!);
  return json(builder.response);
}
