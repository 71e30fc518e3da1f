import { type AnswerRequest, promptText } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import type { ModelEntry } from "../../../../models/entry/mod.ts";
import { eventStream, type Exchange, json, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import {
  type Caller,
  engineFor,
  preparerOf,
  steeredChoices,
  toChoiceRequests,
} from "../../../answers/mod.ts";
import { callerOf, keptStream } from "../../../resuming/mod.ts";
import { chatAnswer } from "../shared/response_schemas.ts";
import { type ChatBody, chatBody, toChatRequest } from "./chat_schema.ts";
import { ChatChunks } from "./chat_stream.ts";
import {
  fingerprint,
  newId,
  toChatLogprobs,
  toFinishReason,
  toNotices,
  toUsage,
  unixSeconds,
} from "../shared/envelope.ts";
import type { CollectedAnswer } from "../shared/collected_answer.ts";
import { toPromptLogprobs } from "../shared/prompt_logprobs.ts";
import { collectChoices } from "../shared/collect_choices.ts";
import { toFinalTimings } from "../shared/telemetry.ts";

/** Common fields of the response and of all chunks. */
async function headOf(
  id: string,
  exchange: Exchange,
  { entry, engine }: { readonly entry: ModelEntry; readonly engine: Engine },
  body: ChatBody,
) {
  return {
    id,
    created: unixSeconds(),
    model: entry.name,
    system_fingerprint: await fingerprint(entry, engine, exchange.context.settings.version),
    ...(body.service_tier ? { service_tier: "default" } : {}),
  };
}

function toChoice(index: number, answer: CollectedAnswer, withLogprobs: boolean) {
  const { text, reasoning, toolCalls, done } = answer;
  return {
    index,
    message: {
      role: "assistant",
      content: text === "" && toolCalls.length > 0 ? null : text,
      refusal: null,
      ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
      ...(toolCalls.length === 0 ? {} : {
        tool_calls: toolCalls.map((call) => ({
          id: call.id,
          type: "function",
          function: { name: call.name, arguments: call.arguments },
        })),
      }),
    },
    logprobs: withLogprobs ? toChatLogprobs(answer.logprobs, answer.reasoningLogprobs) : null,
    finish_reason: toFinishReason(done.finishReason),
  };
}

async function whole(
  exchange: Exchange,
  engine: Engine,
  requests: readonly AnswerRequest[],
  head: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const answers = await collectChoices(exchange, engine, requests);
  const withLogprobs = requests[0]!.logprobs !== null;
  return json({
    ...head,
    object: "chat.completion",
    choices: answers.map((answer, index) => toChoice(index, answer, withLogprobs)),
    ...(requests[0]!.promptLogprobs === undefined
      ? {}
      : { prompt_logprobs: toPromptLogprobs(answers[0]!.promptLogprobs) }),
    usage: toUsage(answers.map(({ done }) => done.usage)),
    ...toFinalTimings(answers[0]!.done),
    ...toNotices(answers.map(({ done }) => done)),
  });
}

async function streamed(
  exchange: Exchange,
  caller: Caller,
  engine: Engine,
  requests: readonly AnswerRequest[],
  head: Readonly<Record<string, unknown>>,
  { stream_options: options, detach }: ChatBody,
): Promise<Response> {
  const includeUsage = options?.include_usage ?? false;
  const reportsProgress = includeUsage && options?.continuous_usage_stats === true;
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  const { sink, ...kept } = keptStream(stream, Boolean(detach), exchange.client);
  const progress = {
    // The choices share the prompt.
    promptTokens: () => choices.promptTokens(0) ?? 0,
    completionTokens: (choice: number) => choices.completionTokens(choice),
  };
  const chunks = new ChatChunks({
    head,
    includeUsage,
    withLogprobs: requests[0]!.logprobs !== null,
    ...(reportsProgress ? { progress } : {}),
  }, sink);
  const asked = reportsProgress
    ? requests.map((one) => ({ ...one, reportsLength: true }))
    : requests;
  const choices = steeredChoices(caller, engine, asked, chunks, {
    id: String(head.id),
    forked: (forks) => chunks.forked(forks),
    ...kept,
  });
  await choices.run(engine.info.parallel);
  return stream.response;
}

async function complete(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, chatBody, await readJson(exchange));
  const request = toChatRequest(body);
  const id = newId("chatcmpl-");
  const caller = callerOf(exchange, body.detach, id);
  const target = await engineFor(caller, body.model ?? undefined);
  const { engine } = target;
  const { prompt_logprobs: promptLogprobs } = body;
  // The choices share the prompt, so its log probabilities are computed once.
  const requests = toChoiceRequests(request, body.n ?? 1).map((one, index) =>
    index === 0 && typeof promptLogprobs === "number" ? { ...one, promptLogprobs } : one
  );
  const head = await headOf(id, exchange, target, body);
  if (!body.stream) {
    const metadata = body.metadata ? { metadata: body.metadata } : {};
    const debug = body.verbose
      ? {
        __verbose: { prompt: await promptText(engine, request.input, preparerOf(exchange)) },
      }
      : {};
    return whole(exchange, engine, requests, { ...head, ...metadata, ...debug });
  }
  return streamed(exchange, caller, engine, requests, head, body);
}

/** `POST /v1/chat/completions` */
export const chatCompletion: RouteCode = {
  body: chatBody,
  answer: chatAnswer,
  handle: complete,
};
