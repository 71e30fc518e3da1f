import type { Input, Message } from "../../../../chat/mod.ts";
import type { Engine } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import { type Exchange, parse } from "../../../http/mod.ts";
import { respond } from "./respond.ts";
import type { Piece } from "./chunks.ts";
import { type GenerateBody, generateBody } from "../request/schema.ts";
import { thinkArguments } from "../request/think.ts";

/**
 * `POST /api/generate` as Ollama knows it.
 *
 * @param body The request's JSON, which whoever chose between the two dialects of this route has read.
 */
export async function ollamaGenerate(exchange: Exchange, body: unknown): Promise<Response> {
  const asked = parse(generateBody, body);
  return await respond(exchange, { body: asked, input: toInput(asked), shape: toResponse });
}

function toInput(body: GenerateBody): ((engine: Engine) => Input | Promise<Input>) | null {
  const { prompt, suffix, system, raw } = body;
  if (suffix) {
    refuseBeside("suffix", body);
    return (engine) => fillIn(engine, prompt ?? "", suffix);
  }
  if (!prompt) return null;
  if (raw) {
    refuseBeside("raw", body);
    return () => ({ type: "text", text: prompt });
  }
  const messages: Message[] = [{ role: "user", content: prompt }];
  if (system) messages.unshift({ role: "system", content: system });
  return () => ({
    type: "chat",
    messages,
    tools: [],
    toolChoice: { type: "none" },
    parallelToolCalls: false,
    templateArguments: thinkArguments(body.think),
    continueLast: false,
  });
}

/** Where no chat template is used, what only a template can say is refused. */
function refuseBeside(plain: "raw" | "suffix", body: GenerateBody): void {
  const field = (["system", "think"] as const).find((name) => body[name]);
  if (field === undefined) return;
  throw new ShimmyError("invalid", `${field}: cannot be set beside ${plain}`, { field });
}

/** The prompt that asks for what stands between two texts: prefix, suffix, then the middle. */
async function fillIn(engine: Engine, prefix: string, suffix: string): Promise<Input> {
  const { fim } = engine.info;
  if (fim === null) {
    const message = "suffix: the model's vocabulary has no fill-in-the-middle tokens";
    throw new ShimmyError("invalid", message, { field: "suffix" });
  }
  const tokens = await engine.tokenize([
    { tokens: [fim.prefix] },
    { text: prefix, special: false },
    { tokens: [fim.suffix] },
    { text: suffix, special: false },
    { tokens: [fim.middle] },
  ], true);
  return { type: "tokens", tokens };
}

function toResponse({ content, thinking, logprobs }: Piece) {
  return {
    response: content,
    ...(thinking === "" ? {} : { thinking }),
    ...(logprobs.length === 0 ? {} : { logprobs }),
  };
}
