import { countTokens } from "../../../chat/mod.ts";
import { collectEvents, type Engine, type Sink } from "../../../engine/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { callerOf, keptStream } from "../../resuming/mod.ts";
import { eventStream, type Exchange, readJson, type RouteCode } from "../../http/mod.ts";
import { parseLenient } from "../../validation/mod.ts";
import {
  bindAnswer,
  bindFork,
  type Caller,
  engineFor,
  type Indexed,
  preparerOf,
  startAnswer,
  steeredAnswer,
} from "../../answers/mod.ts";
import {
  type CountAnswer,
  countAnswer,
  type MessageAnswer,
  messageAnswer,
} from "./response_schemas.ts";
import { CollectedMessage } from "./message.ts";
import { toAnswerRequest, toInput } from "./request.ts";
import { type PartStarts, type SearchedEvent, SearchingAnswer } from "./search/mod.ts";
import { countBody, messagesBody } from "./schema.ts";
import { MessageEvents } from "./stream.ts";

function json(value: MessageAnswer | CountAnswer, { requestId }: Exchange): Response {
  return Response.json(value, {
    headers: { "content-type": "application/json; charset=utf-8", "request-id": requestId },
  });
}

/** How the parts of a message start, all of them for the same caller. */
function partStarts(caller: Caller, engine: Engine): PartStarts {
  return {
    start: (body, sink, format) =>
      bindAnswer(caller, engine, { ...toAnswerRequest(body), ...(format && { format }) }, sink),
    startAgain: (parent, fork, sink) => bindFork(caller, engine, parent, fork, sink),
  };
}

async function createMessage(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, messagesBody, await readJson(exchange));
  const request = toAnswerRequest(body);
  if (body.detach && !body.stream) {
    throw new ShimmyError("invalid", "detach: requires a stream", { field: "detach" });
  }
  const id = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
  const caller = callerOf(exchange, body.detach, id);
  const { entry, engine } = await engineFor(caller, body.model);
  const { thinking } = body;
  const options = {
    id,
    model: entry.name,
    maxTokens: body.max_tokens,
    hideThinking: thinking !== null && thinking !== undefined && "display" in thinking &&
      thinking.display === "omitted",
  };
  if (!body.stream) {
    const collected = new CollectedMessage(options);
    await collectEvents<SearchedEvent>(
      (sink) =>
        new SearchingAnswer(body, sink, {
          ...partStarts(exchange, engine),
          first: (_, answer) => bindAnswer(exchange, engine, request, answer),
        }),
      (event) => collected.add(event),
    );
    return json(collected.message, exchange);
  }
  const { requestId, context: { settings } } = exchange;
  const stream = eventStream({
    headers: { "request-id": requestId },
    keepAliveMs: settings.keepAliveMs,
  });
  const { sink, ...kept } = keptStream(stream, Boolean(body.detach), exchange.client);
  const events = new MessageEvents({ ...options, requestId }, sink);
  const only: Sink<Indexed<SearchedEvent>> = {
    event: ({ value }) => events.event(value),
    flush: () => events.flush(),
    end: (error) => events.end(error),
  };
  const starts = partStarts(caller, engine);
  // The first event has the tokens of the prompt.
  const first: PartStarts["start"] = (_, answer) =>
    startAnswer(caller, engine, { ...request, reportsLength: true }, answer);
  const choices = steeredAnswer<SearchedEvent>(
    caller,
    (_, answer) => new SearchingAnswer(body, answer, { ...starts, first }),
    only,
    { id, ...kept },
  );
  await choices.run(1);
  events.begin(await choices.queued);
  return stream.response;
}

async function countTokensOf(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, countBody, await readJson(exchange));
  const input = toInput(body);
  const { engine } = await engineFor(exchange, body.model);
  return json(
    { input_tokens: await countTokens(engine, input, preparerOf(exchange)) },
    exchange,
  );
}

/** `POST /v1/messages` */
export const messages: RouteCode = {
  body: messagesBody,
  answer: messageAnswer,
  handle: createMessage,
};

/** `POST /v1/messages/count_tokens` */
export const tokenCount: RouteCode = {
  body: countBody,
  answer: countAnswer,
  handle: countTokensOf,
};
