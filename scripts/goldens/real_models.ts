/** Facts of llama.cpp's programs about the real models that tests fetch. */
import { join } from "node:path";
import { answer, type AnswerRequest } from "../../src/chat/mod.ts";
import { collectEvents } from "../../src/engine/mod.ts";
import { EngineDouble } from "../../tests/doubles/engine.ts";
import { GEMMA3, provideModel, type RealModel, SMOLLM2 } from "../../tests/real/real_models.ts";
import { CONVERSATIONS, openAiBody, TOOLS } from "./conversations.ts";
import { expandText } from "./inputs.ts";
import { type LlamaServer, startLlamaServer } from "./llama_server.ts";
import {
  BASE_PROMPTS,
  CALL_QUESTIONS,
  CHAT_PROMPTS,
  expandPrompt,
  isRendered,
  PERPLEXITY,
  PROSE,
  REAL_EMBEDDED,
  REAL_TEXTS,
  type RealPrompt,
} from "./real_inputs.ts";

/** The models, by the names of their golden files. */
export const REAL_MODELS: Readonly<Record<string, RealModel>> = {
  smollm2: SMOLLM2,
  gemma3: GEMMA3,
};

/** Tokens to generate, at most. */
const MAX_TOKENS = 32;
const MAX_CALL_TOKENS = 80;
/** Decimals of log probabilities and embeddings; further decimals differ between processors. */
const DIGITS = 5;

const rounded = (values: readonly number[]) => values.map((value) => Number(value.toFixed(DIGITS)));

/**
 * Rows of facts, each with its kind as `fact`.
 * @param programs gives the path of a program by its name.
 */
export async function realModelRows(
  name: string,
  programs: (name: string) => string,
): Promise<unknown[]> {
  const provided = await provideModel(REAL_MODELS[name]!);
  if ("missing" in provided) throw new Error(provided.missing);
  const options = ["--model", provided.path, "--ctx-size", "2048", "--threads", "1"];
  const rows: unknown[] = [];
  {
    await using server = await startLlamaServer(programs("llama-server"), options);
    rows.push(...await tokenRows(server));
    if (name === "smollm2") rows.push(...await chatRows(server));
    rows.push(...await continuationRows(server, name === "smollm2" ? CHAT_PROMPTS : BASE_PROMPTS));
  }
  const embedding = [...options, "--embedding", "--pooling", "mean"];
  await using server = await startLlamaServer(programs("llama-server"), embedding);
  for (const text of REAL_EMBEDDED) {
    rows.push({ fact: "embedding", text, vector: rounded((await server.embed(text)).vector) });
  }
  rows.push({
    fact: "perplexity",
    ...PERPLEXITY,
    running: await perplexities(programs("llama-perplexity"), provided.path),
  });
  return rows;
}

async function tokenRows(server: LlamaServer): Promise<unknown[]> {
  const rows = [];
  for (const text of REAL_TEXTS) {
    for (const special of [false, true]) {
      const tokens = await server.tokenize(expandText(text), special);
      rows.push({ fact: "tokens", name: text.name, text: text.text, special, tokens });
    }
  }
  return rows;
}

async function continuationRows(
  server: LlamaServer,
  prompts: readonly RealPrompt[],
): Promise<unknown[]> {
  const rows = [];
  for (const prompt of prompts) {
    const { logprobs, leads, ...completion } = await server.complete(
      expandPrompt(prompt),
      MAX_TOKENS,
    );
    if (leads.length === 0) throw new Error(`The first token after '${prompt.end}' is a tie`);
    rows.push({
      fact: "continuation",
      ...prompt,
      ...completion,
      logprobs: rounded(logprobs),
      leads: leads.map((lead) => Number(lead.toFixed(2))),
    });
  }
  return rows;
}

/** Rendered conversations, and calls that a grammar forces. */
async function chatRows(server: LlamaServer): Promise<unknown[]> {
  const rows: unknown[] = [];
  for (const conversation of CONVERSATIONS.filter(isRendered)) {
    const prompt = await server.render(openAiBody(conversation));
    rows.push({ fact: "template", name: conversation.name, prompt });
  }
  const { chatTemplate, ...special } = await server.properties();
  for (const question of CALL_QUESTIONS) {
    const { prompt, grammar } = await callInput({ chatTemplate, ...special }, question);
    const { text, finishReason } = await server.complete(prompt, MAX_CALL_TOKENS, grammar);
    rows.push({ fact: "call", question, prompt, text, finishReason });
  }
  return rows;
}

/** A request whose answer must be a call of one of the tools. */
export function callRequest(question: string): AnswerRequest {
  return {
    input: {
      type: "chat",
      messages: [{ role: "user", content: question }],
      tools: TOOLS,
      toolChoice: { type: "required" },
      parallelToolCalls: false,
      templateArguments: {},
      continueLast: false,
    },
    maxTokens: MAX_CALL_TOKENS,
    sampling: { temperature: 0 },
    stop: [],
    format: { type: "text" },
    ignoreEos: false,
    logprobs: null,
  };
}

/** The prompt and the grammar that the engine gets for a request whose answer must be a call. */
async function callInput(
  info: { readonly chatTemplate: string; readonly bosText: string; readonly eosText: string },
  question: string,
): Promise<{ readonly prompt: string; readonly grammar: string }> {
  const engine = new EngineDouble({ info, script: { tokens: ["{}"] } });
  await collectEvents((sink) => answer(engine, callRequest(question), sink), () => {});
  const { prompt, grammar } = engine.requests[0]!;
  return {
    prompt: prompt.map((part) => "text" in part ? part.text : "").join(""),
    grammar: grammar!.source,
  };
}

/** What `llama-perplexity` prints after each chunk: the perplexity of all chunks so far. */
async function perplexities(program: string, model: string): Promise<readonly number[]> {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "prose.txt");
    await Deno.writeTextFile(file, PROSE);
    const { chunk, chunks } = PERPLEXITY;
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: [
        ...["--model", model, "--file", file, "--chunks", String(chunks)],
        ...["--ctx-size", String(chunk), "--batch-size", String(chunk)],
        ...["--threads", "1"],
      ],
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (!success) throw new Error(`llama-perplexity failed: ${new TextDecoder().decode(stderr)}`);
    const found = [...text.matchAll(/\[\d+\]([\d.]+),/g)].map(([, value]) => Number(value));
    if (found.length !== chunks) throw new Error(`llama-perplexity printed no results: ${text}`);
    return found;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
