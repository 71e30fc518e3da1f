/** A server on the loopback interface whose model calls the tools of a script and then answers. */
import { allRoutes } from "../../src/server/routes.ts";
import { doubleServer } from "../clients/double_server.ts";
import type { Script } from "../doubles/engine.ts";

/** A call of a tool by its name in the prompt. */
export type ScriptedCall = readonly [tool: string, args: Readonly<Record<string, unknown>>];

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  /** The prompts of all requests, as the model reads them. */
  prompts(): string[];
}

/** Larger than the prompts of all agents: one character is one token. */
const CONTEXT = 1 << 20;

/** The text that the chat template writes before the result of a call. */
export const RESULT = "<tool_response>";

function call([name, args]: ScriptedCall): Script {
  const text = JSON.stringify({ name, arguments: args });
  return { tokens: ["<tool_call>\n", ...text.match(/.{1,12}/gs)!, "\n</tool_call>"] };
}

/**
 * Serves the model `double`. It makes one call of `calls` for each result in the conversation, then says
 * `answer`. Agents also send requests beside the conversation, such as for a title.
 *
 * @param apiKey the key that requests must have; `null`: none.
 */
export function scriptedServer(
  calls: readonly ScriptedCall[],
  answer: string,
  apiKey: string | null = null,
): ScriptedServer {
  const server = doubleServer({
    routes: allRoutes,
    settings: { maxBodyBytes: 1 << 24, apiKey },
    engine: {
      info: { contextLength: CONTEXT, trainedContext: CONTEXT },
      script(request) {
        const next = calls[textOf(request).split(RESULT).length - 1];
        return next === undefined ? { tokens: answer.match(/\S+\s*/g)! } : call(next);
      },
    },
  });
  return {
    url: server.url,
    prompts: () => server.engine.requests.map(textOf),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function textOf({ prompt }: { readonly prompt: readonly object[] }): string {
  return prompt.map((part) => "text" in part ? part.text : "").join("");
}
