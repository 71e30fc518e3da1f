import type { ResponseTool } from "./tools/mod.ts";
import type { AnswerLogprob } from "../../../../chat/mod.ts";
import type { Usage } from "../../../../engine/protocol/mod.ts";
import { toLogprobs } from "../shared/envelope.ts";
import type { ResponseBody } from "./schema.ts";
import { sentTool } from "./tools/mod.ts";

export type ItemStatus = "in_progress" | "completed" | "incomplete";

/** An output item of a response. */
export type OutputItem =
  | {
    readonly type: "message";
    readonly id: string;
    readonly status: ItemStatus;
    readonly role: "assistant";
    readonly content: OutputText[];
  }
  | {
    readonly type: "function_call";
    readonly id: string;
    readonly status: ItemStatus;
    readonly call_id: string;
    readonly name: string;
    readonly namespace?: string;
    readonly arguments: string;
  }
  | {
    readonly type: "custom_tool_call";
    readonly id: string;
    readonly status: ItemStatus;
    readonly call_id: string;
    readonly name: string;
    readonly namespace?: string;
    readonly input: string;
  }
  | {
    readonly type: "local_shell_call";
    readonly id: string;
    readonly status: ItemStatus;
    readonly call_id: string;
    readonly action: ShellAction;
  }
  | {
    readonly type: "tool_search_call";
    readonly id: string;
    readonly status: ItemStatus;
    readonly call_id: string | null;
    readonly execution: "client" | "server";
    readonly arguments: Readonly<Record<string, unknown>>;
  }
  | {
    readonly type: "tool_search_output";
    readonly id: string;
    readonly status: ItemStatus;
    readonly call_id: null;
    readonly execution: "server";
    readonly tools: readonly ResponseTool[];
  }
  | {
    readonly type: "reasoning";
    readonly id: string;
    readonly status: ItemStatus;
    readonly summary: { readonly type: "summary_text"; readonly text: string }[];
    readonly content?: { readonly type: "reasoning_text"; readonly text: string }[];
    readonly encrypted_content?: string;
  };

/** A command for the client to run. */
export interface ShellAction {
  readonly type: "exec";
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeout_ms?: number;
  readonly working_directory?: string;
}

export interface OutputText {
  readonly type: "output_text";
  readonly text: string;
  readonly annotations: [];
  readonly logprobs: unknown[];
}

export function outputText(text: string, logprobs: readonly AnswerLogprob[]): OutputText {
  return { type: "output_text", text, annotations: [], logprobs: toLogprobs(logprobs) };
}

/** The parts of a response that depend only on the request. */
export interface ResponseHead {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  readonly model: string;
  readonly body: ResponseBody;
}

/** The progress of a response. */
export interface ResponseState {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly completedAt: number | null;
  readonly output: readonly OutputItem[];
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly usage: ReturnType<typeof toResponseUsage> | null;
  readonly notices?: readonly string[];
}

export function toResponseUsage(usage: Usage, reasoningTokens: number) {
  return {
    input_tokens: usage.promptTokens,
    input_tokens_details: { cached_tokens: usage.cachedTokens },
    output_tokens: usage.completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: usage.promptTokens + usage.completionTokens,
  };
}

/** A response in OpenAI's form. */
export function toResponse({ id, createdAt, model, body }: ResponseHead, state: ResponseState) {
  return {
    id,
    object: "response",
    created_at: createdAt,
    completed_at: state.completedAt,
    status: state.status,
    background: false,
    error: state.error,
    incomplete_details: state.status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    metadata: body.metadata ?? {},
    model,
    output: state.output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: {
      effort: body.reasoning?.effort ?? null,
      summary: body.reasoning?.summary ?? body.reasoning?.generate_summary ?? null,
    },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: "default",
    store: body.store ?? true,
    temperature: body.temperature ?? null,
    text: { format: body.text?.format ?? { type: "text" }, verbosity: "medium" },
    tool_choice: body.tool_choice ?? "auto",
    tools: (body.tools ?? []).map(sentTool),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: body.top_p ?? null,
    truncation: "disabled",
    usage: state.usage,
    user: body.user ?? null,
    ...(state.notices === undefined ? {} : { notices: state.notices }),
  };
}

export type ResponseObject = ReturnType<typeof toResponse>;
