import type { AnswerEvent } from "../../../../chat/mod.ts";
import { collectEvents, type Engine } from "../../../../engine/mod.ts";
import {
  type Choices,
  choicesOf,
  engineFor,
  type Indexed,
  toChoiceRequests,
} from "../../../answers/mod.ts";
import { eventStream, type Exchange, json } from "../../../http/mod.ts";
import type { CompletionFields } from "./fields.ts";
import { CompletionState, type Job } from "./job.ts";
import { toRequest } from "./request.ts";
import { type ResultContext, toResult } from "./result.ts";
import { CompletionChunks } from "./stream.ts";

/** The tokens of each prompt of a request. */
export type PromptTokens = (engine: Engine) => Promise<readonly (readonly number[])[]>;

/**
 * Answers a completion of any form.
 *
 * @param isList whether the response is a list, also for a single prompt.
 */
export async function runCompletion(
  exchange: Exchange,
  body: CompletionFields,
  promptTokens: PromptTokens,
  isList: boolean,
): Promise<Response> {
  const { entry, engine } = await engineFor(exchange, body.model ?? undefined);
  const jobs = await jobsOf(engine, body, await promptTokens(engine));
  const states = jobs.map((job) => new CompletionState(job, body));
  const context: ResultContext = { engine, model: entry.name, body };
  if (body.stream) return await streamed(exchange, engine, states, context);
  await collected(exchange, engine, states);
  const results = states.map((state, index) => toResult(context, state, index));
  return json(isList || results.length > 1 ? results : results[0]);
}

async function jobsOf(
  engine: Engine,
  body: CompletionFields,
  prompts: readonly (readonly number[])[],
): Promise<Job[]> {
  const request = await toRequest(engine, body);
  const count = body.n_cmpl ?? body.n ?? 1;
  const jobs = await Promise.all(prompts.map(async (tokens) => {
    const input = { type: "tokens", tokens, isComplete: true } as const;
    const prompt = await engine.detokenize(tokens);
    return toChoiceRequests({ ...request, input }, count)
      .map((one) => ({ tokens, prompt, request: one }));
  }));
  return jobs.flat();
}

/** Runs completions to their ends. */
async function collected(
  exchange: Exchange,
  engine: Engine,
  states: readonly CompletionState[],
): Promise<void> {
  let choices: Choices | undefined;
  const requests = states.map(({ job }) => job.request);
  await collectEvents<Indexed<AnswerEvent>>(
    (sink) => (choices = choicesOf(exchange, engine, requests, sink)).run(engine.info.parallel),
    ({ index, value: event }) => {
      const state = states[index]!;
      if (event.type === "text") {
        const wasCut = state.isCut;
        state.push(event);
        if (state.isCut && !wasCut) choices?.control({ type: "stop" }, index);
      } else if (event.type === "done") state.end(event);
    },
  );
}

async function streamed(
  exchange: Exchange,
  engine: Engine,
  states: readonly CompletionState[],
  context: ResultContext,
): Promise<Response> {
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  const stop = (index: number) => choices.control({ type: "stop" }, index);
  const chunks = new CompletionChunks(states, stop, context, stream);
  const requests = states.map(({ job }) => job.request);
  const choices = choicesOf(exchange, engine, requests, chunks);
  await choices.run(engine.info.parallel);
  return stream.response;
}
