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
import { CompletionState } from "./job.ts";
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
  const prompts = await promptTokens(engine);
  const request = await toRequest(engine, body);
  const count = body.n_cmpl ?? body.n ?? 1;
  const states = prompts.map((tokens) => {
    const input = { type: "tokens", tokens, isComplete: true } as const;
    return toChoiceRequests({ ...request, input }, count)
      .map((one) => new CompletionState({ tokens, request: one }, body));
  });
  const context: ResultContext = { engine, model: entry.name, body };
  if (body.stream) return await streamed(exchange, engine, states, context);
  const running = collected(exchange, engine, states.flat());
  await Promise.all([running, readPrompts(engine, states)]);
  const results = states.flat().map((state, index) => toResult(context, state, index));
  return json(isList || results.length > 1 ? results : results[0]);
}

/**
 * Sets the texts of the prompts. The engine tells them between two batches, so that a request that waited for
 * them would begin a batch later.
 *
 * @param states the completions of each prompt
 */
async function readPrompts(
  engine: Engine,
  states: readonly (readonly CompletionState[])[],
): Promise<void> {
  await Promise.all(states.map(async (ofPrompt) => {
    const text = await engine.detokenize(ofPrompt[0]!.job.tokens);
    for (const state of ofPrompt) state.prompt = text;
  }));
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
  states: readonly (readonly CompletionState[])[],
  context: ResultContext,
): Promise<Response> {
  const stream = eventStream({ keepAliveMs: exchange.context.settings.keepAliveMs });
  const stop = (index: number) => choices.control({ type: "stop" }, index);
  const chunks = new CompletionChunks(states.flat(), stop, context, stream);
  const requests = states.flat().map(({ job }) => job.request);
  const choices = choicesOf(exchange, engine, requests, chunks);
  const running = choices.run(engine.info.parallel);
  readPrompts(engine, states).then(() => chunks.release(), (error) => chunks.release(error));
  await running;
  return stream.response;
}
