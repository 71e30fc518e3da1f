/**
 * Three replicas behind HAProxy: the configuration of packaging/proxies.
 *
 *     deno task test:scale
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { has, testWith } from "../packaging/tools.ts";
import { Cluster, inTurns } from "./cluster.ts";
import { complete, firstTokenMs } from "./measure/client.ts";

const haproxy = { name: "haproxy", here: await has("haproxy", "-v") };

interface Turn {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** What a test reads of an answer. */
interface Answered {
  readonly replica: string | null;
  readonly prefix: string | null;
  readonly text: string;
  /** Prompt tokens, and those that were cached. */
  readonly prompt: number;
  readonly cached: number;
}

async function chat(
  cluster: Cluster,
  messages: readonly Turn[],
  headers: HeadersInit = {},
): Promise<Answered> {
  const body = { messages, temperature: 0, max_tokens: 12 };
  const response = await cluster.post("/v1/chat/completions", body, headers);
  const { choices: [choice], usage } = await response.json();
  return {
    replica: response.headers.get("x-shimmy-replica"),
    prefix: response.headers.get("x-shimmy-prefix"),
    text: choice.message.content,
    prompt: usage.prompt_tokens,
    cached: usage.prompt_tokens_details.cached_tokens,
  };
}

/** Conversations of three turns each. @returns the answers of each conversation. */
async function converse(cluster: Cluster, count: number): Promise<Answered[][]> {
  const conversations = Array.from({ length: count }, (_, number) => ({
    messages: [] as Turn[],
    answers: [] as Answered[],
    number,
  }));
  for (let turn = 0; turn < 3; turn++) {
    for (const { messages, answers, number } of conversations) {
      const content = `This is question ${turn} of conversation ${number}: what is a fox?`;
      messages.push({ role: "user", content });
      const answered = await chat(cluster, messages);
      answers.push(answered);
      messages.push({ role: "assistant", content: answered.text });
    }
  }
  return conversations.map(({ answers }) => answers);
}

const cachedIn = (conversations: readonly Answered[][]) =>
  conversations.flat().reduce((sum, { cached }) => sum + cached, 0);

testWith(
  "a conversation stays with its replica, whose cache then has its prompt",
  haproxy,
  async () => {
    await using cluster = await Cluster.start();
    const conversations = await converse(cluster, 12);
    for (const answers of conversations) {
      assertEquals(new Set(answers.map(({ replica }) => replica)).size, 1);
      assertEquals(new Set(answers.map(({ prefix }) => prefix)).size, 1);
      // All of the turn before is known: its prompt, and its answer but for the last tokens.
      assertGreater(answers[2]!.cached, answers[1]!.prompt - 1);
    }
    const replicas = new Set(conversations.map(([first]) => first!.replica));
    assertEquals(replicas, new Set(cluster.names));
    assertEquals(new Set(conversations.map(([first]) => first!.prefix)).size, 12);

    // Dialects differ in where they have their system messages and texts.
    const content = "Where is the fox?";
    const places: (string | null)[][] = [];
    for (
      const [path, body] of [
        ["/v1/chat/completions", { messages: [{ role: "user", content }] }],
        [
          "/v1/chat/completions",
          { messages: [{ role: "user", content: [{ type: "text", text: content }] }] },
        ],
        ["/v1/messages", { messages: [{ role: "user", content }] }],
        ["/api/chat", { stream: false, messages: [{ role: "user", content }] }],
      ] as const
    ) {
      const response = await cluster.post(path, { model: "shimmy-tiny", max_tokens: 4, ...body });
      assertEquals(response.status, 200, await response.text());
      places.push([
        response.headers.get("x-shimmy-replica"),
        response.headers.get("x-shimmy-prefix"),
      ]);
    }
    assertEquals(new Set(places.map(String)).size, 1);

    // A client that sends the prefix back reaches the replica, whatever its messages are.
    const other = conversations.find(([first]) => first!.replica !== places[0]![0])![0]!;
    const headers = { "x-shimmy-prefix": other.prefix! };
    assertEquals(
      (await chat(cluster, [{ role: "user", content }], headers)).replica,
      other.replica,
    );
  },
);

testWith("taking turns instead finds fewer prompts in the caches", haproxy, async () => {
  const asked = 6;
  let sticky: number;
  {
    await using cluster = await Cluster.start();
    sticky = cachedIn(await converse(cluster, asked));
  }
  await using cluster = await Cluster.start({ edit: inTurns });
  // An odd number, so that a conversation's turns take turns too.
  const turned = cachedIn((await converse(cluster, asked + 1)).slice(0, asked));
  assertGreater(sticky, turned);
});

testWith("a rolling restart under load loses no answer", haproxy, async () => {
  await using cluster = await Cluster.start();
  const isOver = new AbortController();
  const served = new Map<string, number>();
  /** Asks until the restarts are over. Each answer must be complete. */
  const client = async (number: number) => {
    for (let asked = 0; !isOver.signal.aborted; asked++) {
      const stream = asked % 2 === 0;
      const content = `Question ${asked} of client ${number}: tell me a story about a fox.`;
      const response = await cluster.post("/v1/chat/completions", {
        messages: [{ role: "user", content }],
        max_tokens: 24,
        stream,
      });
      const text = await response.text();
      assertEquals(response.status, 200, text);
      assert(/"finish_reason":"(?:stop|length)"/.test(text), text);
      if (stream) assert(text.endsWith("data: [DONE]\n\n"), text);
      const replica = response.headers.get("x-shimmy-replica")!;
      served.set(replica, (served.get(replica) ?? 0) + 1);
    }
  };
  const load = Promise.all(Array.from({ length: 6 }, (_, number) => client(number)));
  // A failure is reported at the end, after the restarts.
  load.catch(() => isOver.abort());
  // The first answers of a replica take longer than a restart.
  const hasBegun = () => total(served) >= 12 && served.size === cluster.names.length;
  while (!hasBegun() && !isOver.signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  for (const name of cluster.names) {
    if (isOver.signal.aborted) break;
    const before = total(served);
    assertEquals(await cluster.restart(name), 0);
    // Answers came meanwhile, from the other replicas.
    assertGreater(total(served), before);
  }
  isOver.abort();
  await load;
  assertEquals(new Set(served.keys()), new Set(cluster.names));
});

testWith("the proxy sends the first token on before the next ones come", haproxy, async () => {
  await using cluster = await Cluster.start({ replicas: 1, args: ["--ctx", "2048"] });
  // HAProxy's own rule keeps a small part of a stream for 200 ms, or until the stream ends.
  const held = 200;
  const times: string[] = [];
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await complete(cluster.url, [attempt + 10, 7, 8, 9], 1500);
    const [first, whole] = [firstTokenMs(answer), answer.endedAt - answer.sentAt];
    times.push(`${Math.round(first)} of ${Math.round(whole)} ms`);
    // On a busy machine the token itself can come late.
    if (first < held && whole > 2 * first) return;
  }
  assert(false, `first tokens after ${times}`);
});

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
