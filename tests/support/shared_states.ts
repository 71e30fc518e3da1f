/** Conversations that servers with a shared cache continue for each other. */
import { assertEquals } from "@std/assert";
import { until } from "./until.ts";

/** A server with `--shared-cache`. */
export interface Replica {
  /** The address of a path. */
  url(path: string): string;
}

export interface Message {
  readonly role: string;
  readonly content: string;
}

export interface Turn {
  readonly status: number;
  readonly messages: Message[];
  readonly text: string;
  readonly prompt: number;
  readonly cached: number;
}

/**
 * A first message of about 1,000 tokens. The tiny model computes fewer in the time of a read where the machine is
 * busy, and then a replica does not ask.
 */
export const question = (about: string) => ({
  role: "user",
  content: `Tell a story about ${about}. `.repeat(60) + "Begin.",
});

/** The next turn of a conversation. */
export async function ask(server: Replica, messages: Message[]): Promise<Turn> {
  const response = await fetch(server.url("/v1/chat/completions"), {
    method: "POST",
    body: JSON.stringify({ messages, temperature: 0, max_tokens: 12 }),
  });
  const { choices, usage } = await response.json();
  const text = choices?.[0].message.content ?? "";
  return {
    status: response.status,
    messages: [...messages, { role: "assistant", content: text }],
    text,
    prompt: usage?.prompt_tokens ?? 0,
    cached: usage?.prompt_tokens_details?.cached_tokens ?? 0,
  };
}

/** The messages of the next turn. */
export const next = (
  { messages }: Turn,
) => [...messages, { role: "user", content: "Go on, please." }];

/** What a replica tells of its shared cache; null without one. */
export async function statusOf(server: Replica) {
  const { data } = await (await fetch(server.url("/v1/models"))).json();
  const path = `/api/models/${encodeURIComponent(data[0].id)}/status`;
  const { loaded } = await (await fetch(server.url(path))).json();
  return loaded.statistics.shared_cache;
}

/** Waits until a replica has loaded its model and read its file. */
export async function isReady(server: Replica): Promise<void> {
  await ask(server, [{ role: "user", content: "Hi" }]);
  await until(async () => (await statusOf(server))?.ready ?? true);
}

/** A replica begins a conversation. Resolves when others can find its state. */
export async function begin(server: Replica, about: string): Promise<Turn> {
  const { writes } = await statusOf(server);
  const first = await ask(server, [question(about)]);
  assertEquals([first.status, first.cached < 64], [200, true]);
  await until(async () => (await statusOf(server)).writes > writes);
  return first;
}

/**
 * One replica begins a conversation, another one continues it with what the first has computed. A replica that
 * expects computing to be faster does not ask; after some conversations it asks again, to measure.
 */
export async function continues(one: Replica, other: Replica, about: string): Promise<Turn> {
  let second: Turn | undefined;
  let count = 0;
  await until(async () => {
    const first = await begin(one, `${about}, part ${++count}`);
    second = await ask(other, next(first));
    assertEquals(second.status, 200);
    return second.cached >= first.prompt;
  });
  return second!;
}
