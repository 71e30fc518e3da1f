import { type AnswerEvent, countTokens } from "../../../chat/mod.ts";
import { collectEvents, type Sink } from "../../../engine/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { callerOf, keptStream } from "../../resuming/mod.ts";
import { eventStream, type Exchange, parseLenient, readJson } from "../../http/mod.ts";
import {
  bindAnswer,
  choicesOf,
  engineFor,
  type Indexed,
  steeredChoices,
} from "../../answers/mod.ts";
import type { CountAnswer, MessageAnswer } from "./response_schemas.ts";
import { CollectedMessage } from "./message.ts";
import { toAnswerRequest, toInput } from "./request.ts";
import { type SearchEvent, SearchingAnswer } from "./search/mod.ts";
import { countBody, messagesBody } from "./schema.ts";
import { MessageEvents } from "./stream.ts";
import { serverSearches } from "./tools.ts";

function json(value: MessageAnswer | CountAnswer, { requestId }: Exchange): Response {
  return Response.json(value, {
    headers: { "content-type": "application/json; charset=utf-8", "request-id": requestId },
  });
}

/** `POST /v1/messages`. */
export async function createMessage(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, messagesBody, await readJson(exchange));
  const request = toAnswerRequest(body);
  const { entry, engine } = await engineFor(exchange, body.model);
  const { thinking } = body;
  const options = {
    id: `msg_${crypto.randomUUID().replaceAll("-", "")}`,
    model: entry.name,
    maxTokens: body.max_tokens,
    hideThinking: thinking !== null && thinking !== undefined && "display" in thinking &&
      thinking.display === "omitted",
  };
  const searching = (sink: Sink<AnswerEvent | SearchEvent>) =>
    new SearchingAnswer(
      body,
      sink,
      (next, answer) => bindAnswer(exchange, engine, toAnswerRequest(next), answer),
    );
  const isSearching = serverSearches(body.tools ?? []).length > 0;
  if (body.detach && (!body.stream || isSearching)) {
    const what = "requires a stream, and tools that the server does not search";
    throw new ShimmyError("invalid", `detach: ${what}`, { field: "detach" });
  }
  if (!body.stream) {
    const collected = new CollectedMessage(options);
    await collectEvents<AnswerEvent | SearchEvent>(
      (sink) => bindAnswer(exchange, engine, request, searching(sink)),
      (event) => collected.add(event),
    );
    return json(collected.message, exchange);
  }
  const { requestId, context: { settings } } = exchange;
  const stream = eventStream({
    headers: { "request-id": requestId },
    keepAliveMs: settings.keepAliveMs,
  });
  const isDetached = body.detach ?? false;
  const { sink, ...kept } = keptStream(stream, isDetached);
  const events = new MessageEvents({ ...options, requestId }, sink);
  const answers = searching(events);
  const only: Sink<Indexed<AnswerEvent>> = {
    event: ({ value }) => answers.event(value),
    flush: () => answers.flush(),
    end: (error) => answers.end(error),
  };
  const caller = callerOf(exchange, isDetached);
  // The first event has the tokens of the prompt.
  const requests = [{ ...request, reportsLength: true }];
  // An answer of several parts has no tokens of its own.
  const choices = isSearching
    ? choicesOf(caller, engine, requests, only)
    : steeredChoices(caller, engine, requests, only, {
      id: options.id,
      canRewind: true,
      ...kept,
    });
  await choices.run(1);
  events.begin(await choices.queued);
  return stream.response;
}

/** `POST /v1/messages/count_tokens`: renders and tokenizes the prompt as for generation. */
export async function countTokensOf(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, countBody, await readJson(exchange));
  const input = toInput(body);
  const { engine } = await engineFor(exchange, body.model);
  return json(
    { input_tokens: await countTokens(engine, input, exchange.context.preparer) },
    exchange,
  );
}
