import type { AnswerRequest, Format, Input, Tool, ToolChoice } from "../../../chat/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { THINKING_LEVELS, thinkingArguments, toSampling } from "../../schemas/mod.ts";
import { toMessages } from "./messages.ts";
import { offeredTools } from "./offered_tools.ts";
import type { CountBody, MessagesBody } from "./schema.ts";

function invalid(field: string, message: string): ShimmyError {
  return new ShimmyError("invalid", `${field}: ${message}`, { field });
}

/**
 * Converts the conversation of a request for the chat template.
 * @throws {ShimmyError} `invalid` when parts of the request contradict each other.
 */
export function toInput(body: CountBody): Input {
  const { tools, all } = offeredTools(body);
  const { tool_choice: choice } = body;
  const messages = toMessages(body.system, body.messages, all);
  return {
    type: "chat",
    messages,
    tools,
    toolChoice: toChoice(body, tools),
    parallelToolCalls: !(choice && "disable_parallel_tool_use" in choice &&
      choice.disable_parallel_tool_use),
    templateArguments: toTemplateArguments(body),
    // A turn that ends with the result of a search ends with a message of the role tool.
    continueLast: messages.at(-1)?.role === "assistant",
  };
}

/**
 * Converts a request for the engine.
 * @throws {ShimmyError} `invalid` when parts of the request contradict each other.
 */
export function toAnswerRequest(body: MessagesBody): AnswerRequest {
  const { thinking, max_tokens: maxTokens } = body;
  if (thinking?.type === "enabled" && thinking.budget_tokens >= maxTokens) {
    throw invalid("thinking.budget_tokens", "must be less than max_tokens");
  }
  const { temperature, top_k, top_p } = body;
  return {
    input: toInput(body),
    maxTokens,
    sampling: toSampling({ temperature, top_k, top_p }),
    stop: body.stop_sequences ?? [],
    format: toFormat(body),
    ignoreEos: false,
    ...(thinking?.type === "enabled" ? { reasoningBudget: thinking.budget_tokens } : {}),
    logprobs: null,
  };
}

function toChoice(body: CountBody, tools: readonly Tool[]): ToolChoice {
  const choice = body.tool_choice ?? { type: "auto" as const };
  if (choice.type === "none") return { type: "none" };
  if (choice.type === "auto") {
    return { type: tools.length === 0 ? "none" : "auto" };
  }
  if (tools.length === 0) throw invalid("tool_choice", `${choice.type} requires at least one tool`);
  if (choice.type === "any") return { type: "required" };
  if (!tools.some(({ name }) => name === choice.name)) {
    throw invalid("tool_choice.name", `there is no tool '${choice.name}'`);
  }
  return { type: "named", name: choice.name };
}

function toTemplateArguments(body: CountBody): Readonly<Record<string, unknown>> {
  const { thinking, output_config: config } = body;
  const level = config?.effort ? THINKING_LEVELS[config.effort] : undefined;
  return {
    ...thinkingArguments(thinking ? thinking.type !== "disabled" : undefined, level),
    ...(thinking?.type === "enabled" ? { thinking_budget: thinking.budget_tokens } : {}),
  };
}

function toFormat(body: CountBody): Format {
  const newer = body.output_config?.format;
  const older = body.output_format;
  if (newer && older) {
    throw invalid("output_format", "cannot be combined with output_config.format, its newer name");
  }
  const format = newer ?? older;
  return format ? { type: "json_schema", schema: format.schema } : { type: "text" };
}
