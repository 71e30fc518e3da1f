import * as z from "zod";
import type { AnswerRequest } from "../../../../chat/mod.ts";
import { ignored, toRun, toSampling, toStopConditions } from "../../../schemas/mod.ts";
import {
  boolean,
  generationFields,
  jsonObject,
  llamaServerFields,
  maxTokens,
  obfuscation,
  rejected,
  serviceFields,
  templateArguments,
  text,
  toLlamaServerOptions,
  topLogprobs,
  verbosity,
} from "../shared/fields.ts";
import { textFormat, toTextFormat } from "../shared/format.ts";
import { effortArguments, reasoningEffort } from "../shared/reasoning.ts";
import { choiceMode, type RequestedChoice, toTools } from "../shared/tools.ts";
import { leftOutItems, toConversation } from "./conversation.ts";
import { type ConversationItem, sentItem } from "./items.ts";
import {
  chosenNames,
  type ChosenTool,
  type OfferedTools,
  offerTools,
  responseTool,
} from "./tools/mod.ts";

const chosenTool = z.looseObject({
  type: text,
  name: text.nullish(),
  namespace: text.nullish(),
});

const toolChoice = z.union([
  choiceMode,
  z.strictObject({
    type: z.literal("allowed_tools"),
    mode: z.enum(["auto", "required"], { error: "must be auto or required" }),
    tools: z.array(chosenTool).min(1, { error: "must name at least one tool" }),
  }),
  chosenTool.refine(({ type }) => type !== "allowed_tools", { error: "must be a tool" }),
], { error: "must be none, auto, required or an object that names a tool" });

const summary = z.enum(["auto", "concise", "detailed"], {
  error: "must be auto, concise or detailed",
}).nullish().describe("Report the whole reasoning as the summary");

/** Fields of the prompt, which token counts need. */
export const responsePromptFields = {
  model: text.nullish().describe("Default: the default model"),
  input: z.union([z.string(), z.array(sentItem)], { error: "must be text or a list of items" })
    .nullish(),
  instructions: text.nullish().describe(
    "System message at the start of the prompt; not stored with the conversation",
  ),
  previous_response_id: text.nullish(),
  tools: z.array(responseTool, { error: "must be a list of tools" }).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: boolean.nullish(),
  reasoning: z.strictObject({
    effort: reasoningEffort.nullish(),
    summary,
    generate_summary: summary,
    context: ignored(
      z.enum(["auto", "all_turns"], {
        error: "must be auto or all_turns: the chat template selects the reasoning",
      }),
      "the chat template selects the reasoning",
    ),
    mode: ignored(z.literal("standard", { error: "must be standard" }), "there is one mode"),
  }).nullish(),
  text: z.strictObject({ format: textFormat.nullish(), verbosity }).nullish(),
  truncation: ignored(
    z.literal("disabled", {
      error: "must be disabled: a conversation over the context is rejected, never truncated",
    }),
    "a conversation over the context is refused, never truncated",
  ),
  conversation: rejected("conversations are not supported; use previous_response_id"),
  chat_template_kwargs: templateArguments,
};

/** Values of `include`; those after the second are about tools and images, which responses never have. */
const INCLUDABLE = [
  "message.output_text.logprobs",
  "reasoning.encrypted_content",
  "code_interpreter_call.outputs",
  "computer_call_output.output.image_url",
  "file_search_call.results",
  "message.input_image.image_url",
  "web_search_call.action.sources",
  "web_search_call.results",
] as const;

/** The body of `POST /v1/responses`: all fields of OpenAI's API and extensions. */
export const responseBody = z.strictObject({
  ...responsePromptFields,
  ...serviceFields,
  ...generationFields,
  ...llamaServerFields,
  max_output_tokens: maxTokens.describe("Maximum tokens to generate, including reasoning"),
  max_tokens: rejected("is not a field of responses; use max_output_tokens"),
  max_completion_tokens: rejected("is a field of chat completions; use max_output_tokens"),
  messages: rejected("is a field of chat completions; use input"),
  max_tool_calls: ignored(maxTokens, "there are no built-in tools"),
  include: z.array(z.enum(INCLUDABLE, { error: `must be one of ${INCLUDABLE.join(", ")}` }))
    .nullish(),
  top_logprobs: topLogprobs,
  store: boolean.nullish().describe(
    "Store the response in memory for previous_response_id. Default true",
  ),
  stream: boolean.nullish(),
  stream_options: z.strictObject({
    include_obfuscation: obfuscation,
  }).nullish(),
  background: z.literal(false, { error: "background responses are not supported" }).nullish(),
  prompt: rejected("stored prompts are not supported"),
  context_management: rejected("context management is not supported"),
  client_metadata: jsonObject.nullish().describe("Accepted; has no effect"),
  image: rejected("is not supported: send images as input_image"),
  access_programs: rejected("access programs are not supported"),
});

export type ResponseBody = z.output<typeof responseBody>;

const promptSchema = z.object(responsePromptFields);
export type ResponsePrompt = z.output<typeof promptSchema>;

function toRequestedChoice(
  choice: ResponsePrompt["tool_choice"],
  offered: OfferedTools,
): RequestedChoice | null {
  if (!choice) return null;
  if (typeof choice === "string") return choice;
  // Another kind of choice may have members of these names, which are not checked.
  if (choice.type === "allowed_tools" && "mode" in choice && Array.isArray(choice.tools)) {
    const names = choice.tools.flatMap((tool: ChosenTool) => chosenNames(tool, offered));
    return { mode: choice.mode as "auto" | "required", names };
  }
  const names = chosenNames(choice as ChosenTool, offered);
  return names.length === 1 ? { name: names[0]! } : { mode: "required", names };
}

/** The prompt of a response. */
export interface ResponseInput {
  readonly input: Extract<AnswerRequest["input"], { type: "chat" }>;
  /** What calls of the functions in the prompt are for the client. */
  readonly targets: OfferedTools["targets"];
  /** What has been left out of the prompt. */
  readonly notices: readonly string[];
}

/** Converts a conversation for the chat template; `items` include the previous items. */
export function toResponseInput(
  body: ResponsePrompt,
  items: readonly ConversationItem[],
): ResponseInput {
  const found = items.flatMap((item) => item.type === "tool_search_output" ? item.tools : []);
  const offered = offerTools(body.tools ?? [], found);
  const asked = toTools(
    offered.functions,
    toRequestedChoice(body.tool_choice, offered),
    (index) => `tools[${index}].parameters`,
  );
  const system = body.instructions ? [{ role: "system" as const, content: body.instructions }] : [];
  return {
    input: {
      type: "chat",
      messages: [...system, ...toConversation(items)],
      ...asked,
      parallelToolCalls: body.parallel_tool_calls ?? true,
      templateArguments: {
        ...effortArguments(body.reasoning?.effort),
        ...body.chat_template_kwargs,
      },
      continueLast: false,
    },
    targets: offered.targets,
    notices: [...offered.notices, ...leftOutItems(items)],
  };
}

/** Converts a request for the engine. */
export function toResponseRequest(
  body: ResponseBody,
  input: ResponseInput["input"],
): AnswerRequest {
  const wantsLogprobs = body.include?.includes("message.output_text.logprobs") ||
    typeof body.top_logprobs === "number";
  return {
    input,
    maxTokens: body.max_output_tokens ?? null,
    sampling: toSampling(body),
    ...toStopConditions(body),
    ...toRun(body),
    ...toLlamaServerOptions(body),
    format: toTextFormat(body.text?.format, body.grammar),
    logprobs: wantsLogprobs ? body.top_logprobs ?? 0 : null,
  };
}
