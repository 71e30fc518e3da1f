import type { AnswerEvent, AnswerRequest } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import {
  eventStream,
  type Exchange,
  isStrict,
  json,
  parseLenient,
  readJson,
  type ServerSentEvent,
  toShimmyError,
} from "../../../http/mod.ts";
import { bindAnswer, engineFor, startAnswer } from "../../../answers/mod.ts";
import { newId, unixSeconds } from "../shared/envelope.ts";
import type { Done } from "../shared/collected_answer.ts";
import { ResponseBuilder, type ResponseEvent } from "./builder.ts";
import type { ConversationItem } from "./items.ts";
import {
  type ResponseBody,
  responseBody,
  type ResponsePrompt,
  toResponseInput,
  toResponseRequest,
} from "./schema.ts";
import type { ResponseStore, StoredItem } from "./store.ts";

/** The items of a request and of the conversation before it. */
export interface ConversationTurn {
  readonly before: readonly StoredItem[];
  readonly input: readonly StoredItem[];
}

/** Resolves the conversation of a request. */
export function toTurn(store: ResponseStore, body: ResponsePrompt): ConversationTurn {
  const { previous_response_id: previous, input } = body;
  const before = previous ? store.get(previous, "previous_response_id").conversation : [];
  const items = typeof input === "string"
    ? [{ role: "user", content: input } as const satisfies ConversationItem]
    : input ?? [];
  return { before, input: store.dereference(items, before) };
}

/** Generates one response. */
class ResponseGeneration {
  readonly builder: ResponseBuilder;
  readonly request: AnswerRequest;

  constructor(
    readonly exchange: Exchange,
    readonly engine: Engine,
    readonly store: ResponseStore,
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

  /** The events of an answer; the response is stored before the last event. */
  async *events(answer: AsyncIterable<AnswerEvent>) {
    yield* this.builder.begin();
    for await (const event of answer) {
      if (event.type === "done") yield* await this.#ended(event);
      else yield* this.builder.add(event);
    }
  }

  async #ended(done: Done): Promise<readonly ResponseEvent[]> {
    const text = this.builder.reasoning;
    const thought = text === ""
      ? 0
      : (await this.engine.tokenize([{ text, special: false }], false)).length;
    const events = [...this.builder.end(done, thought)];
    if (this.body.store ?? true) {
      this.store.add(this.builder.response, this.turn.input, this.turn.before);
    }
    return events;
  }
}

async function* streamed(
  generation: ResponseGeneration,
  answer: AsyncIterable<AnswerEvent>,
): AsyncGenerator<ServerSentEvent, void> {
  const named = (event: ResponseEvent) => ({ event: event.type, data: JSON.stringify(event) });
  try {
    for await (const event of generation.events(answer)) yield named(event);
  } catch (error) {
    for (const event of generation.builder.fail(toShimmyError(error))) yield named(event);
  }
}

/** `POST /v1/responses`. */
export async function create(exchange: Exchange, store: ResponseStore): Promise<Response> {
  const body = parseLenient(exchange, responseBody, await readJson(exchange));
  const turn = toTurn(store, body);
  const { entry, engine } = await engineFor(exchange, body.model ?? undefined);
  const generation = new ResponseGeneration(exchange, engine, store, turn, body, entry.name);
  if (body.stream) {
    const answer = await startAnswer(exchange, engine, generation.request);
    const { keepAliveMs } = exchange.context.settings;
    return eventStream(streamed(generation, answer), { keepAliveMs });
  }
  for await (const _ of generation.events(bindAnswer(exchange, engine, generation.request)));
  return json(generation.builder.response);
}
