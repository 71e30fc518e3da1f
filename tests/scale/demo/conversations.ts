/** Prompts that are sent to the proxy, and where they went. */
import type { Cluster, ReplicaName } from "../cluster.ts";

/** Where a prompt went. */
export interface Place {
  readonly prompt: string;
  readonly replica: string;
  readonly prefix: string;
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

const FIRST = ["Where does the fox live?", "What is the capital of France?", "Count from 1 to 9."];
const THEN = "Tell me more about it.";

/** Sends conversations of two turns, the turns of all conversations in turns. */
export async function converse(cluster: Cluster): Promise<Place[]> {
  const conversations = FIRST.map((content) => ({ messages: [] as Message[], content }));
  const places: Place[] = [];
  for (const turn of [0, 1]) {
    for (const { messages, content } of conversations) {
      const prompt = turn === 0 ? content : THEN;
      messages.push({ role: "user", content: prompt });
      const body = { messages, max_tokens: 24, temperature: 0 };
      const response = await cluster.post("/v1/chat/completions", body);
      const answer = await answerOf(response);
      places.push({ prompt: turn === 0 ? prompt : `${prompt} (${content})`, ...answer });
      messages.push({ role: "assistant", content: answer.text });
    }
  }
  return places;
}

async function answerOf(response: Response) {
  const body = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${JSON.stringify(body)}`);
  const { choices: [choice], usage } = body;
  return {
    text: choice.message.content as string,
    replica: response.headers.get("x-shimmy-replica") ?? "",
    prefix: response.headers.get("x-shimmy-prefix") ?? "",
    promptTokens: usage.prompt_tokens as number,
    cachedTokens: usage.prompt_tokens_details.cached_tokens as number,
  };
}

/**
 * Stores a response with the help of one replica, and continues it with another one.
 * @returns the status of the second answer.
 */
export async function continueElsewhere(
  cluster: Cluster,
  [from, to]: readonly [ReplicaName, ReplicaName],
): Promise<number> {
  const ask = (name: ReplicaName, body: Readonly<Record<string, unknown>>) =>
    fetch(`${cluster.urlOf(name)}/v1/responses`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ max_output_tokens: 16, temperature: 0, ...body }),
    });
  const first = await ask(from, { input: "Where does the fox live?" });
  const { id, ...rest } = await first.json();
  if (!first.ok) throw new Error(`${first.status}: ${JSON.stringify(rest)}`);
  const second = await ask(to, { input: "And the bear?", previous_response_id: id });
  await second.body?.cancel();
  return second.status;
}
