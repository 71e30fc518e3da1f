import type { AnswerRequest } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import type { Usage } from "../../../../engine/protocol/mod.ts";
import { eventStream, type Exchange, json, readJson, type RouteCode } from "../../../http/mod.ts";
import { parseLenient } from "../../../validation/mod.ts";
import { choicesOf, engineFor, toChoiceRequests } from "../../../answers/mod.ts";
import { completionAnswer } from "../shared/response_schemas.ts";
import { meanLogprob, toLegacyLogprobs } from "./completion_logprobs.ts";
import {
  checkTogether,
  type CompletionBody,
  completionBody,
  promptLogprobsOf,
  prompts,
  toCompletionRequest,
  toInput,
} from "./completion_schema.ts";
import { CompletionChunks } from "./completion_stream.ts";
import {
  fingerprint,
  newId,
  toFinishReason,
  toNotices,
  toUsage,
  unixSeconds,
} from "../shared/envelope.ts";
import { toPromptLogprobs } from "../shared/prompt_logprobs.ts";
import { collectChoices } from "../shared/collect_choices.ts";
import { toFinalTimings } from "../shared/telemetry.ts";

/** A prompt of a request and the requests of its choices. */
interface Job {
  /** Text before each choice, for `echo`. */
  readonly echo: string;
  readonly requests: readonly AnswerRequest[];
}

async function toJobs(engine: Engine, body: CompletionBody): Promise<Job[]> {
  const request = toCompletionRequest(body);
  const promptLogprobs = promptLogprobsOf(body);
  const scored = promptLogprobs === null ? {} : { promptLogprobs };
  return await Promise.all(
    prompts(body).map(async (prompt) => {
      const input = await toInput(engine, prompt, body.suffix);
      const echo = body.echo ? await textOf(engine, prompt) : "";
      const [first, ...others] = toChoiceRequests(
        { ...request, input },
        body.best_of ?? body.n ?? 1,
      );
      return {
        echo,
        // The choices of a prompt share its log probabilities: they are computed once, unless each choice
        // is sent as soon as it comes.
        requests: body.stream
          ? [first!, ...others].map((one) => ({ ...one, ...scored }))
          : [{ ...first!, ...scored }, ...others],
      };
    }),
  );
}

function textOf(engine: Engine, prompt: string | readonly number[]): string | Promise<string> {
  return typeof prompt === "string" ? prompt : engine.detokenize(prompt);
}

/** The answer to `max_tokens: 0`: nothing is generated, and the tokens of the prompt are counted. */
async function withoutTokens(engine: Engine, jobs: readonly Job[]): Promise<unknown> {
  const counts = await Promise.all(jobs.map(async ({ requests }) => {
    const { input } = requests[0]!;
    if (input.type === "tokens") return input.tokens.length;
    const text = input.type === "text" ? input.text : "";
    return await engine.countTokens([{ text, special: true }], true);
  }));
  const texts = jobs.flatMap(({ echo, requests }) => requests.map(() => echo));
  const usages = counts.map((promptTokens): Usage => ({
    promptTokens,
    completionTokens: 0,
    cachedTokens: 0,
  }));
  return {
    choices: texts.map((text, index) => ({ text, index, logprobs: null, finish_reason: "length" })),
    usage: toUsage(usages, usages),
  };
}

async function whole(
  exchange: Exchange,
  engine: Engine,
  jobs: readonly Job[],
  body: CompletionBody,
): Promise<unknown> {
  const all = jobs.flatMap(({ requests }) => requests);
  const flat = await collectChoices(exchange, engine, all);
  let taken = 0;
  const answers = jobs.map(({ requests }) => flat.slice(taken, taken += requests.length));
  const wanted = body.n ?? 1;
  const chosen = answers.flatMap((made, job) => {
    const ranked = made.length > wanted
      ? made.toSorted((a, b) => meanLogprob(b.logprobs) - meanLogprob(a.logprobs))
      : made;
    const { echo } = jobs[job]!;
    const { promptLogprobs } = made[0]!;
    return ranked.slice(0, wanted).map((answer) => ({ answer, echo, promptLogprobs }));
  });
  return {
    choices: chosen.map(({ answer, echo, promptLogprobs }, index) => ({
      text: echo + answer.text,
      index,
      logprobs: typeof body.logprobs === "number"
        ? toLegacyLogprobs([...(body.echo ? promptLogprobs : []), ...answer.logprobs], 0)
        : null,
      ...(typeof body.prompt_logprobs === "number"
        ? { prompt_logprobs: toPromptLogprobs(promptLogprobs) }
        : {}),
      finish_reason: toFinishReason(answer.done.finishReason),
    })),
    usage: toUsage(flat.map(({ done }) => done.usage), answers.map((made) => made[0]!.done.usage)),
    ...toFinalTimings(flat[0]!.done),
    ...toNotices(flat.map(({ done }) => done)),
  };
}

async function streamed(
  exchange: Exchange,
  engine: Engine,
  jobs: readonly Job[],
  body: CompletionBody,
  head: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const { include_usage: includeUsage, continuous_usage_stats: continuous } = body.stream_options ??
    {};
  const reportsProgress = includeUsage && continuous === true;
  const requests = jobs.flatMap((job) => job.requests)
    .map((one) => reportsProgress ? { ...one, reportsLength: true } : one);
  const progress = !reportsProgress ? {} : {
    progress: {
      promptTokens: (choice: number) => choices.promptTokens(choice) ?? 0,
      completionTokens: (choice: number) => choices.completionTokens(choice),
    },
  };
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  const chunks = new CompletionChunks({
    head,
    echoes: jobs.flatMap((job) => job.requests.map(() => job.echo)),
    perPrompt: body.n ?? 1,
    includeUsage: includeUsage ?? false,
    withLogprobs: typeof body.logprobs === "number",
    ...progress,
  }, stream);
  const choices = choicesOf(exchange, engine, requests, chunks);
  await choices.run(engine.info.parallel);
  return stream.response;
}

async function complete(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, completionBody, await readJson(exchange));
  checkTogether(body);
  const { settings } = exchange.context;
  const { entry, engine } = await engineFor(exchange, body.model ?? undefined);
  const jobs = await toJobs(engine, body);
  const head = {
    id: newId("cmpl-"),
    object: "text_completion",
    created: unixSeconds(),
    model: entry.name,
    system_fingerprint: await fingerprint(entry, engine, settings.version),
  };
  if (body.stream) return await streamed(exchange, engine, jobs, body, head);
  const answer = body.max_tokens === 0 && promptLogprobsOf(body) === null
    ? await withoutTokens(engine, jobs)
    : await whole(exchange, engine, jobs, body);
  return json({ ...head, ...answer as Record<string, unknown> });
}

/** `POST /v1/completions` */
export const textCompletion: RouteCode = {
  body: completionBody,
  answer: completionAnswer,
  handle: complete,
};
