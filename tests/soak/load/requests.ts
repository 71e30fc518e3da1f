import type { Random } from "../../grammar/random.ts";
import { events, json, lines, type ReadEnding, typedEvents } from "./endings.ts";

/** A kind of request, of one dialect. */
export interface RequestKind {
  readonly name: string;
  readonly path: string;
  readonly body: (random: Random) => unknown;
  readonly ending: ReadEnding;
  /** Whether the response is a stream. */
  readonly streams: boolean;
}

const MODEL = "shimmy-tiny";
const FRANCE = "What is the capital of France?";
const ANSWER = "The capital of France is Paris.";
const STORY = "Tell me a story about a fox. ";

const fixed = { temperature: 0, max_tokens: 24 };

/** Sampling that is not greedy, and answers of different lengths. */
function sampling(random: Random) {
  return {
    temperature: 0.9,
    seed: random.between(0, 1e6),
    max_tokens: random.between(1, 120),
  };
}

/** Prompts whose beginnings are shared, so that cached prefixes are reused, evicted and copied. */
function prompt(random: Random): string {
  const text = STORY.repeat(random.pick([1, 1, 4, 30]));
  return `${text}${random.chance(0.5) ? "" : `It is number ${random.between(1, 40)}.`}`;
}

const messages = (random: Random) => [{ role: "user", content: prompt(random) }];

const schema = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

const parameters = {
  type: "object",
  properties: { city: { type: "string", maxLength: 20 } },
  required: ["city"],
};

const tool = { type: "function", function: { name: "weather", parameters } };

interface Choice {
  readonly finish_reason: string;
  readonly message: { readonly content: string | null; readonly tool_calls?: unknown[] };
}

const hasFinished = ({ choices }: { choices: Choice[] }) =>
  choices.length > 0 && choices.every(({ finish_reason }) => finish_reason !== null);

function kind(
  name: string,
  path: string,
  ending: ReadEnding,
  body: (random: Random) => Record<string, unknown>,
): RequestKind {
  const streams = name.endsWith("stream");
  return {
    name,
    path,
    ending,
    streams,
    body: (random) => ({ model: MODEL, ...body(random), ...(streams ? { stream: true } : {}) }),
  };
}

const native: readonly RequestKind[] = [
  kind(
    "native",
    "/api/generate",
    json(({ response }: { response: string }) => response === ANSWER),
    () => ({ prompt: FRANCE, ...fixed }),
  ),
  kind("native stream", "/api/generate", events, (random) => ({
    prompt: prompt(random),
    ...sampling(random),
  })),
  kind("native lines stream", "/api/generate", lines, (random) => ({
    prompt: prompt(random),
    stream_format: "ndjson",
    ...sampling(random),
  })),
  kind(
    "native session",
    "/api/generate",
    json(({ done }: { done: boolean }) => done),
    (random) => ({
      prompt: prompt(random),
      session: `s${random.between(1, 3)}`,
      ...sampling(random),
    }),
  ),
  kind(
    "native schema",
    "/api/generate",
    json(({ response }: { response: string }) => JSON.parse(response).length <= 3),
    (random) => ({
      prompt: "Count from 3 to 9.",
      json_schema: { type: "array", items: { type: "integer", maximum: 99 }, maxItems: 3 },
      temperature: 0.5,
      seed: random.between(0, 1e6),
    }),
  ),
];

const openai: readonly RequestKind[] = [
  kind(
    "chat",
    "/v1/chat/completions",
    json(({ choices }: { choices: Choice[] }) => choices[0]!.message.content === ANSWER),
    () => ({ messages: [{ role: "user", content: FRANCE }], ...fixed }),
  ),
  kind("chat stream", "/v1/chat/completions", events, (random) => ({
    messages: messages(random),
    n: random.pick([1, 1, 2]),
    ...sampling(random),
  })),
  kind("chat schema", "/v1/chat/completions", json(hasFinished), (random) => ({
    messages: messages(random),
    response_format: { type: "json_schema", json_schema: { name: "person", schema } },
    ...sampling(random),
  })),
  kind("chat tools stream", "/v1/chat/completions", events, (random) => ({
    messages: messages(random),
    tools: [tool],
    tool_choice: random.pick(["auto", "required"]),
    ...sampling(random),
  })),
  kind("completions stream", "/v1/completions", events, (random) => ({
    prompt: prompt(random),
    logprobs: random.pick([undefined, 2]),
    ...sampling(random),
  })),
  kind(
    "responses",
    "/v1/responses",
    json(({ status }: { status: string }) => status === "completed" || status === "incomplete"),
    (random) => ({ input: prompt(random), max_output_tokens: random.between(1, 60) }),
  ),
  kind(
    "responses stream",
    "/v1/responses",
    typedEvents("response.completed", "response.incomplete"),
    (random) => ({ input: prompt(random), max_output_tokens: random.between(1, 60) }),
  ),
  kind(
    "embeddings",
    "/v1/embeddings",
    json(({ data }: { data: { embedding: number[] }[] }) =>
      data.length === 3 && data.every(({ embedding }) => embedding.length === 256)
    ),
    (random) => ({ input: [FRANCE, prompt(random), STORY] }),
  ),
];

const anthropic: readonly RequestKind[] = [
  kind(
    "messages",
    "/v1/messages",
    json(({ content }: { content: { text: string }[] }) => content[0]!.text === ANSWER),
    () => ({ messages: [{ role: "user", content: FRANCE }], ...fixed }),
  ),
  kind("messages stream", "/v1/messages", typedEvents("message_stop"), (random) => ({
    messages: messages(random),
    max_tokens: random.between(1, 80),
  })),
  kind("messages tools stream", "/v1/messages", typedEvents("message_stop"), (random) => ({
    messages: messages(random),
    tools: [{ name: "weather", input_schema: parameters }],
    max_tokens: random.between(1, 80),
  })),
];

const options = (random: Random) => ({
  options: { num_predict: random.between(1, 60), seed: random.between(0, 1e6) },
});

const ollama: readonly RequestKind[] = [
  kind("ollama chat stream", "/api/chat", lines, (random) => ({
    messages: messages(random),
    ...options(random),
  })),
  kind(
    "ollama chat",
    "/api/chat",
    json(({ message, done }: { message: { content: string }; done: boolean }) =>
      done && message.content === ANSWER
    ),
    () => ({
      messages: [{ role: "user", content: FRANCE }],
      stream: false,
      options: { temperature: 0 },
    }),
  ),
  kind("ollama generate stream", "/ollama/api/generate", lines, (random) => ({
    prompt: prompt(random),
    format: random.pick([undefined, schema]),
    ...options(random),
  })),
  kind(
    "ollama embed",
    "/api/embed",
    json(({ embeddings }: { embeddings: number[][] }) => embeddings[0]!.length === 256),
    (random) => ({ input: prompt(random) }),
  ),
];

/** Requests over HTTP of every dialect. */
export const REQUESTS: readonly RequestKind[] = [...native, ...openai, ...anthropic, ...ollama];

/** A request over a WebSocket. */
export function socketRequest(random: Random): unknown {
  return { prompt: prompt(random), stream_format: "json", ...sampling(random) };
}

/** A request whose answer is longer than a client of a fault waits. */
export function endlessBody(random: Random): unknown {
  const prompt = STORY.repeat(random.between(1, 8));
  return { model: MODEL, prompt, temperature: 1, max_tokens: 900, ignore_eos: true, stream: true };
}

/** A request for a stream that is larger than the buffers of a connection: ten megabytes. */
export function largeBody(random: Random): unknown {
  return {
    model: MODEL,
    messages: messages(random),
    n: 8,
    temperature: 1,
    max_tokens: 900,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: 20,
    stream: true,
  };
}
