import type { Client, Target } from "./client.ts";

/** Tokens for a question, a file and an answer beside the prompt of a client. */
const WORKING_TOKENS = 4_096;

/** Numbers in messages: `38,000`. */
const count = (tokens: number) => tokens.toLocaleString("en-US");

/** The smallest context in which a client can work with a prompt, in tokens. */
export function neededContext(promptTokens: number): number {
  return promptTokens + WORKING_TOKENS;
}

/**
 * A warning for a context that is smaller than the client needs; `null` for one that is large enough.
 *
 * @param trained context length of the model's training, in tokens.
 * @param isBuiltin whether it is the built-in model, whose vocabulary is small.
 * @param isOwn whether `launch` started the server, so that its options reach the server.
 */
export function contextWarning(
  client: Pick<Client, "title" | "promptTokens">,
  { model, context }: Pick<Target, "model" | "context">,
  { trained, isOwn, isBuiltin }: {
    readonly trained: number | null;
    readonly isOwn: boolean;
    readonly isBuiltin: boolean;
  },
): string | null {
  const prompt = client.promptTokens[isBuiltin ? "builtin" : "usual"];
  const needed = neededContext(prompt);
  if (context >= needed) return null;
  const problem = `warning: the context of ${model} has ${count(context)} tokens, and ` +
    `${client.title}'s prompt about ${count(prompt)}`;
  if (trained !== null && trained < needed) {
    return `${problem}; ${model} was trained for ${count(trained)}, so choose another model`;
  }
  const way = isOwn ? "add" : "start the server with";
  return `${problem}; ${way} --ctx ${needed} or more, or set SHIMMY_MAX_CTX`;
}
