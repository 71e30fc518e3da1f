/**
 * Measures the time to the first token of a conversation that another replica has begun: with its session in a
 * shared folder, and computed again. Two servers on this machine, of one thread each; one of them is idle.
 *
 *     deno task measure:sessions [--model FILE] [--json FILE]
 *
 * Without a model, the built-in one. The figures are meaningful on an idle machine only.
 */
import { median } from "../../../scripts/bench/stats.ts";
import { table } from "../../../scripts/docs/markdown.ts";
import type { Server } from "../../cli/machine.ts";
import { statusOf } from "../../support/shared_states.ts";
import { until } from "../../support/until.ts";
import { replicas } from "../shared_servers.ts";
import { complete, firstTokenMs, tokenOf, vocabularyOf } from "./client.ts";
import { runMeasurement, writeJson } from "./options.ts";
import { setUp } from "./setup.ts";

/** Tokens of the conversations. */
const LENGTHS = [128, 512, 1536];
/** Tokens that the next prompt has beside those. */
const MORE = 16;
/** Conversations of each length, of which the median counts. */
const REPEATS = 7;

/** Medians for conversations of one length. */
export interface SessionTimes {
  readonly tokens: number;
  readonly stateBytes: number;
  readonly sharedMs: number;
  readonly computedMs: number;
}

/** The first token of conversations that another server has begun. */
export async function measureSessions(
  one: Server,
  other: Server,
  lengths: readonly number[] = LENGTHS,
  repeats = REPEATS,
): Promise<SessionTimes[]> {
  const [begun, continued] = [one.url(""), other.url("")];
  const vocabulary = await vocabularyOf(begun);
  let part = 0;
  const fresh = (length: number) => {
    part++;
    return Array.from({ length }, (_, at) => tokenOf(vocabulary, part, at));
  };
  const times: SessionTimes[] = [];
  for (const tokens of lengths) {
    const [shared, computed, bytes]: [number[], number[], number[]] = [[], [], []];
    for (let run = 0; run <= repeats; run++) {
      const session = `${tokens}-${run}`;
      const prompt = fresh(tokens);
      await written(one, 2, () => complete(begun, prompt, 1, { session }));
      const next = [...prompt, ...fresh(MORE)];
      const read = await statusOf(other);
      const ask = () => complete(continued, next, 1, { session });
      const answer = await written(other, 2, ask);
      if (answer.cachedTokens < tokens) {
        throw new Error(`Only ${answer.cachedTokens} of ${tokens} tokens came from the session`);
      }
      // Without a session, and without a beginning that any replica knows.
      const again = await written(other, 1, () => complete(continued, fresh(tokens + MORE), 1));
      // The first run also warms both servers up.
      if (run === 0) continue;
      shared.push(firstTokenMs(answer));
      computed.push(firstTokenMs(again));
      bytes.push((await statusOf(other)).read_bytes - read.read_bytes);
    }
    times.push({
      ...{ tokens, stateBytes: median(bytes) },
      ...{ sharedMs: median(shared), computedMs: median(computed) },
    });
  }
  return times;
}

/** Waits until a server has written what an answer leaves: its session, and a state that other prompts find. */
async function written<T>(server: Server, states: number, ask: () => Promise<T>): Promise<T> {
  const count = async () => {
    const { writes, dropped } = await statusOf(server);
    return writes + dropped;
  };
  const before = await count();
  const answer = await ask();
  await until(async () => await count() >= before + states);
  return answer;
}

if (import.meta.main) {
  await runMeasurement(import.meta.url, 1, async (options) => {
    const { args, facts } = await setUp(options.model ?? undefined);
    const folder = await Deno.makeTempDir();
    try {
      await using stack = new AsyncDisposableStack();
      const start = replicas(stack, { SHIMMY_SHARED_CACHE: folder });
      const times = await measureSessions(await start({}, args), await start({}, args));
      console.log(`${facts.model}, ${facts.machine}\n`);
      console.log(table(
        ["tokens", "state", "first token with the session", "computed"],
        times.map(({ tokens, stateBytes, sharedMs, computedMs }) => [
          ...[`${tokens}`, `${(stateBytes / 2 ** 20).toFixed(1)} MiB`],
          ...[`${sharedMs.toFixed(0)} ms`, `${computedMs.toFixed(0)} ms`],
        ]),
      ));
      await writeJson(options, { ...facts, times });
      return 0;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
