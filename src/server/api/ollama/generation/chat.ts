import { type Exchange, parseLenient, readJson } from "../../../http/mod.ts";
import { respond } from "./respond.ts";
import { toMessages, toTools } from "./messages.ts";
import type { AnswerChunk } from "./chunks.ts";
import { chatBody } from "../request/schema.ts";
import { thinkArguments } from "../request/think.ts";

/** `POST /api/chat`. */
export async function chat(exchange: Exchange): Promise<Response> {
  const body = parseLenient(exchange, chatBody, await readJson(exchange));
  const messages = toMessages(body.messages ?? []);
  const tools = toTools(body.tools ?? []);
  const input = {
    type: "chat" as const,
    messages,
    tools,
    toolChoice: { type: tools.length === 0 ? "none" as const : "auto" as const },
    parallelToolCalls: true,
    templateArguments: thinkArguments(body.think),
    continueLast: messages.at(-1)?.role === "assistant",
  };
  return await respond(exchange, {
    body,
    input: messages.length === 0 ? null : () => input,
    shape: toMessage,
  });
}

function toMessage({ content, thinking, calls, logprobs }: AnswerChunk) {
  return {
    message: {
      role: "assistant",
      content,
      ...(thinking === "" ? {} : { thinking }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
    ...(logprobs.length === 0 ? {} : { logprobs }),
  };
}
