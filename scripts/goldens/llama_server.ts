import { freePort } from "../free_port.ts";

/** Timeout in seconds for loading a small model. */
const START_SECONDS = 60;
const POLL_SECONDS = 0.05;

/** Generated tokens of the server. */
export interface Completion {
  readonly text: string;
  /** Ids of the generated tokens, without the one that ended the generation. */
  readonly tokens: readonly number[];
  readonly finishReason: "stop" | "length";
  /** The log probability of each generated token, and its lead over the next likely token. */
  readonly logprobs: readonly number[];
  readonly leads: readonly number[];
}

/**
 * Minimum difference of log probabilities between a token and the next likely token for the choice to be a
 * fact. Processors round differently, so a smaller difference can lead to another choice.
 */
const LEAST_LEAD = 0.05;

interface CompletionAnswer {
  readonly stop_type: string;
  readonly completion_probabilities: readonly CompletionStep[];
}

interface CompletionStep {
  readonly id: number;
  readonly token: string;
  readonly logprob: number;
  readonly top_logprobs: readonly { readonly logprob: number }[];
}

interface EmbeddingAnswer {
  readonly data: readonly { readonly embedding: readonly number[] }[];
  readonly usage: { readonly prompt_tokens: number };
}

interface RerankAnswer {
  readonly results: readonly { readonly index: number; readonly relevance_score: number }[];
  readonly usage: { readonly prompt_tokens: number };
}

function lead({ top_logprobs: [first, second] }: CompletionStep): number {
  return first!.logprob - (second?.logprob ?? -Infinity);
}

/** The chat template, and the texts of the tokens that chat templates know by name. */
export interface TemplateProperties {
  readonly chatTemplate: string;
  readonly bosText: string;
  readonly eosText: string;
}

/** A running llama.cpp server. */
export interface LlamaServer extends AsyncDisposable {
  /** Token ids of a text, without BOS; `special` parses control tokens. */
  tokenize(text: string, special: boolean): Promise<readonly number[]>;
  /**
   * A greedy continuation of a prompt with parsed control tokens, up to the first token whose choice
   * depends on rounding. With a grammar (GBNF) it is not cut: the server tells no log probabilities of
   * the tokens that the grammar allows.
   */
  complete(prompt: string, maxTokens: number, grammar?: string): Promise<Completion>;
  /** The chat template, and the texts of BOS and EOS. */
  properties(): Promise<TemplateProperties>;
  /** The embedding of a text or of token ids, and the number of tokens. */
  embed(input: string | readonly number[]): Promise<{
    readonly vector: readonly number[];
    readonly tokens: number;
  }>;
  /** Documents by their scores for a query, the best first, and the number of tokens of all pairs. */
  rerank(query: string, documents: readonly string[]): Promise<{
    readonly results: readonly { readonly index: number; readonly score: number }[];
    readonly tokens: number;
  }>;
  /** A request's messages and tools, rendered by the chat template; null if the template fails. */
  render(body: Readonly<Record<string, unknown>>): Promise<string | null>;
}

/** Starts the server on a free port of loopback and waits until it answers. */
export async function startLlamaServer(
  program: string,
  options: readonly string[],
): Promise<LlamaServer> {
  const port = freePort();
  const address = ["--host", "127.0.0.1", "--port", String(port)];
  const process = new Deno.Command(program, {
    args: [...address, "--parallel", "1", "--no-webui", ...options],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const dispose = async () => {
    process.kill("SIGTERM");
    await process.status;
  };
  const origin = `http://127.0.0.1:${port}`;
  try {
    await untilHealthy(origin);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    async tokenize(content, special) {
      // Half of a surrogate pair has no form in UTF-8; U+FFFD replaces it.
      const { tokens } = await post<{ tokens: number[] }>(`${origin}/tokenize`, {
        content: content.toWellFormed(),
        add_special: false,
        parse_special: special,
      });
      return tokens;
    },
    async complete(prompt, maxTokens, grammar) {
      const answer = await post<CompletionAnswer>(`${origin}/completion`, {
        prompt,
        n_predict: maxTokens,
        temperature: 0,
        cache_prompt: false,
        n_probs: 2,
        ...(grammar === undefined ? {} : { grammar }),
      });
      const steps = answer.completion_probabilities;
      const unsure = grammar === undefined
        ? steps.findIndex((step) => lead(step) < LEAST_LEAD)
        : -1;
      const isStop = answer.stop_type === "eos" && unsure < 0;
      const cut = steps.slice(0, isStop ? -1 : unsure < 0 ? undefined : unsure);
      return {
        text: cut.map(({ token }) => token).join(""),
        tokens: cut.map(({ id }) => id),
        finishReason: isStop ? "stop" : "length",
        logprobs: cut.map(({ logprob }) => logprob),
        leads: cut.map(lead),
      };
    },
    async properties() {
      const response = await fetch(`${origin}/props`);
      const props: { bos_token: string; eos_token: string; chat_template: string } = await response
        .json();
      return {
        chatTemplate: props.chat_template,
        bosText: props.bos_token,
        eosText: props.eos_token,
      };
    },
    async embed(input) {
      const { data, usage } = await post<EmbeddingAnswer>(`${origin}/v1/embeddings`, { input });
      return { vector: data[0]!.embedding, tokens: usage.prompt_tokens };
    },
    async rerank(query, documents) {
      const body = { query, documents };
      const { results, usage } = await post<RerankAnswer>(`${origin}/v1/rerank`, body);
      return {
        results: results.map(({ index, relevance_score }) => ({ index, score: relevance_score })),
        tokens: usage.prompt_tokens,
      };
    },
    async render(body) {
      const response = await fetch(`${origin}/apply-template`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      const answer: { prompt?: string } = await response.json();
      return answer.prompt ?? null;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

async function untilHealthy(origin: string): Promise<void> {
  for (let waited = 0; waited < START_SECONDS; waited += POLL_SECONDS) {
    try {
      const response = await fetch(`${origin}/health`);
      await response.body?.cancel();
      if (response.ok) return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_SECONDS * 1000));
  }
  throw new Error(`The server of llama.cpp did not start within ${START_SECONDS} seconds`);
}

async function post<T>(url: string, body: unknown): Promise<T> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return await response.json() as T;
}
