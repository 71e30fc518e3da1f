import type { AnswerEvent } from "../../../chat/mod.ts";
import type { Usage } from "../../../engine/protocol/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { callArguments } from "../../answers/mod.ts";
import type { ContentBlock, MessageAnswer, StopReason } from "./response_schemas.ts";
import { type SearchedEvent, type SearchEvent, toResultBlock } from "./search/mod.ts";

/** Values of the request that the message repeats or depends on. */
export interface MessageOptions {
  /** Id of the message. */
  readonly id: string;
  /** Name of the model. */
  readonly model: string;
  readonly maxTokens: number;
  /** Leave the text of thinking blocks out. */
  readonly hideThinking: boolean;
}

type DoneEvent = Extract<AnswerEvent, { type: "done" }>;

type SharedCount =
  | "input_tokens"
  | "output_tokens"
  | "cache_creation_input_tokens"
  | "cache_read_input_tokens"
  | "output_tokens_details"
  | "server_tool_use";

/** Token counts of both kinds of usage; cached prompt tokens are not input tokens. */
export function tokenCounts(usage: Usage): Pick<MessageAnswer["usage"], SharedCount> {
  return {
    input_tokens: usage.promptTokens - usage.cachedTokens,
    output_tokens: usage.completionTokens,
    // Every prefix is cached, so no request creates a cache entry.
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: usage.cachedTokens,
    output_tokens_details: null,
    server_tool_use: null,
  };
}

/** A message without content, for `message_start`. */
export function emptyMessage({ id, model }: MessageOptions, usage: Usage): MessageAnswer {
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    usage: {
      ...tokenCounts(usage),
      cache_creation: null,
      inference_geo: null,
      service_tier: "standard",
      speed: "standard",
    },
  };
}

/**
 * The stop reason of an answer.
 * @throws {ShimmyError} `cancelled`: no stop reason describes a cancelled answer.
 */
export function toStop(
  { finishReason, stopString, usage }: DoneEvent,
  { maxTokens }: MessageOptions,
): { stop_reason: StopReason; stop_sequence: string | null } {
  switch (finishReason) {
    case "cancelled":
      throw new ShimmyError("cancelled", "The answer was cancelled before its end");
    case "tool_calls":
      return { stop_reason: "tool_use", stop_sequence: null };
    case "length": {
      const full = usage.completionTokens < maxTokens;
      return {
        stop_reason: full ? "model_context_window_exceeded" : "max_tokens",
        stop_sequence: null,
      };
    }
    case "stop":
      return {
        stop_reason: stopString === null ? "end_turn" : "stop_sequence",
        stop_sequence: stopString,
      };
  }
}

/** The `signature` of thinking blocks; clients drop blocks without one. */
export function signatureOf({ id }: MessageOptions): string {
  return btoa(id);
}

/** Collects the blocks of a whole answer. */
export class CollectedMessage {
  readonly #options: MessageOptions;
  readonly #blocks: OpenBlock[] = [];
  #done: DoneEvent | null = null;

  constructor(options: MessageOptions) {
    this.#options = options;
  }

  add(event: SearchedEvent): void {
    const last = this.#blocks.at(-1);
    switch (event.type) {
      case "text":
      case "reasoning":
        if (event.text === "") break;
        if (last?.type === event.type) last.text += event.text;
        else this.#blocks.push({ type: event.type, text: event.text });
        break;
      case "tool_call":
        this.#blocks.push({ ...event, text: "" });
        break;
      case "tool_arguments":
        for (const block of this.#blocks) {
          if (block.type === "tool_call" && block.index === event.index) block.text += event.text;
        }
        break;
      case "server_search":
        this.#blocks.push(event);
        break;
      case "done":
        this.#done = event;
    }
  }

  /**
   * The whole answer.
   *
   * A call that the token limit or a stop sequence cut has the input `{}`: its arguments are no object.
   * The stop reason is then not `tool_use`.
   */
  get message(): MessageAnswer {
    if (this.#done === null) throw new ShimmyError("backend", "Generation ended without a result");
    return {
      ...emptyMessage(this.#options, this.#done.usage),
      content: this.#blocks.flatMap((block) =>
        block.type === "server_search" ? searchBlocks(block) : [toBlock(block, this.#options)]
      ),
      ...toStop(this.#done, this.#options),
      ...toNotices(this.#done),
    };
  }
}

/** Parts of the request that had no effect, which Anthropic's API does not report. */
export function toNotices({ notices = [] }: DoneEvent): Pick<MessageAnswer, "notices"> {
  return notices.length === 0 ? {} : { notices: notices.map(({ message }) => message) };
}

/** The blocks of a search: the call, and its result. */
export function searchBlocks(event: SearchEvent): [call: ContentBlock, result: ContentBlock] {
  const { id, name, input } = event;
  return [
    { type: "server_tool_use", id, name, input, caller: { type: "direct" } },
    toResultBlock(event),
  ];
}

/** A block that is still being written. */
type OpenBlock =
  | SearchEvent
  | { readonly type: "text" | "reasoning"; text: string }
  | {
    readonly type: "tool_call";
    readonly index: number;
    readonly id: string;
    readonly name: string;
    text: string;
  };

function toBlock(block: Exclude<OpenBlock, SearchEvent>, options: MessageOptions): ContentBlock {
  switch (block.type) {
    case "text":
      return { type: "text", text: block.text };
    case "reasoning":
      return {
        type: "thinking",
        thinking: options.hideThinking ? "" : block.text,
        signature: signatureOf(options),
      };
    case "tool_call": {
      const { id, name } = block;
      return {
        type: "tool_use",
        id,
        name,
        input: callArguments(block.text),
        caller: { type: "direct" },
      };
    }
  }
}
