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

/** An answer, and the conversation with it. */
export interface Turn {
  readonly status: number;
  readonly messages: Message[];
  readonly text: string;
  readonly prompt: number;
  readonly cached: number;
  readonly notices: readonly string[];
}

/**
 * A first message of about 1,000 tokens. The tiny model computes fewer in the time of a read where the machine is
 * busy, and then a replica does not ask.
 */
export const question = (about: string) => ({
  role: "user",
  content: `Tell a story about ${about}. `.repeat(60) + "Begin.",
});

/**
 * The next turn of a conversation.
 * @param more fields of the request, and the key that it is sent with
 */
export async function ask(
  server: Replica,
  messages: Message[],
  { key, ...more }: { readonly key?: string; readonly session?: string } = {},
): Promise<Turn> {
  const response = await fetch(server.url("/v1/chat/completions"), {
    method: "POST",
    headers: authorization(key),
    body: JSON.stringify({ messages, temperature: 0, max_tokens: 12, ...more }),
  });
  const { choices, usage, notices = [] } = await response.json();
  const text = choices?.[0].message.content ?? "";
  return {
    ...{ status: response.status, text, notices },
    messages: [...messages, { role: "assistant", content: text }],
    prompt: usage?.prompt_tokens ?? 0,
    cached: usage?.prompt_tokens_details?.cached_tokens ?? 0,
  };
}

export function authorization(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** The messages of the next turn. */
export const next = (
  { messages }: Turn,
) => [...messages, { role: "user", content: "Go on, please." }];

/** What a replica tells of its shared cache; null without one. */
export async function statusOf(server: Replica, key?: string) {
  const headers = authorization(key);
  const { data } = await (await fetch(server.url("/v1/models"), { headers })).json();
  const path = `/api/models/${encodeURIComponent(data[0].id)}/status`;
  const { loaded } = await (await fetch(server.url(path), { headers })).json();
  return loaded.statistics.shared_cache;
}

/** Waits until a replica has loaded its model and read its file. */
export async function isReady(server: Replica, key?: string): Promise<void> {
  await ask(server, [{ role: "user", content: "Hi" }], key === undefined ? {} : { key });
  await until(async () => (await statusOf(server, key))?.ready ?? true);
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
