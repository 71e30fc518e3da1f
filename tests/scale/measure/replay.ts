/** Replays a trace against real servers in real time. */
import type { ServedRequest } from "../../../scripts/simulate/simulate.ts";
import { PromptTokens, type TraceRequest } from "../../../scripts/simulate/trace.ts";
import { complete, firstTokenMs, tokenOf } from "./client.ts";

/** Where a trace is sent, and how prompts are made. */
export interface Target {
  readonly url: string;
  readonly vocabulary: readonly number[];
  /** Names of the replicas, in the order of their indices. */
  readonly replicas: readonly string[];
}

/** How the requests were served, and the trace with the replica of each. */
export interface Replay {
  readonly served: readonly ServedRequest[];
  readonly recorded: readonly TraceRequest[];
}

/**
 * Sends each request at its time, and a later turn not before the answer to the turn before. A later turn has
 * the prefix of that answer, because a short prompt of tokens is hashed as a whole by a proxy.
 *
 * @throws {Error} if an answer is refused or breaks off.
 */
export async function replay(trace: readonly TraceRequest[], target: Target): Promise<Replay> {
  const { vocabulary } = target;
  const prompts = new PromptTokens((part, at) => tokenOf(vocabulary, part, at));
  const begun = performance.now();
  const served: ServedRequest[] = [];
  const recorded = new Map<TraceRequest, TraceRequest>();
  const ask = async (request: TraceRequest, prefix: string | null): Promise<string | null> => {
    const wait = begun + request.timestamp - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const prompt = prompts.prompt(request);
    const answer = await complete(target.url, prompt, request.output_length, { prefix });
    const tokens = answer.pieces.flatMap(({ tokens }) => tokens);
    prompts.answered(request, prompt, tokens);
    const replica = Math.max(0, target.replicas.indexOf(answer.replica ?? ""));
    recorded.set(request, { ...request, replica });
    const sentAt = answer.sentAt - begun;
    served.push({
      ...{ sentAt, firstTokenAt: sentAt + firstTokenMs(answer), endedAt: answer.endedAt - begun },
      ...{ promptTokens: answer.promptTokens, cachedTokens: answer.cachedTokens, replica },
      completionTokens: tokens.length,
    });
    return answer.prefix;
  };
  const turns = Map.groupBy(trace, ({ conversation }) => conversation);
  const chains = [...turns].flatMap(([conversation, requests]) =>
    conversation === undefined ? requests.map((one) => [one]) : [requests]
  );
  await Promise.all(chains.map(async (chain) => {
    let prefix: string | null = null;
    for (const request of chain) prefix = await ask(request, prefix);
  }));
  return { served, recorded: trace.map((request) => recorded.get(request)!) };
}
