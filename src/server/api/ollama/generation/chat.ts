import type { ToolChoice } from "../../../../chat/mod.ts";
import type { Exchange } from "../../../http/mod.ts";
import { respond } from "./respond.ts";
import { toMessages, toTools } from "./messages.ts";
import type { AnswerChunk } from "./chunks.ts";
import { readBody } from "../request/parse_body.ts";
import { type ChatBody, chatBody } from "../request/schema.ts";
import { thinkArguments } from "../request/think.ts";

/** `POST /api/chat`. */
export async function chat(exchange: Exchange): Promise<Response> {
  const body = await readBody(exchange, chatBody);
  const messages = toMessages(body.messages ?? []);
  const tools = toTools(body.tools ?? []);
  const input = {
    type: "chat" as const,
    messages,
    tools,
    toolChoice: toToolChoice(body.tool_choice, tools.length > 0),
    parallelToolCalls: true,
    templateArguments: thinkArguments(body.think),
    continueLast: messages.at(-1)?.role === "assistant",
  };
  return await respond(exchange, {
    body,
    does: "chat",
    input: messages.length === 0 ? null : () => input,
    shape: toMessage,
  });
}

/** Without tools there is nothing to choose, whatever the request says. */
function toToolChoice(choice: ChatBody["tool_choice"], hasTools: boolean): ToolChoice {
  if (!hasTools) return { type: "none" };
  if (typeof choice === "string") return { type: choice };
  return choice ? { type: "named", name: choice.function.name } : { type: "auto" };
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
