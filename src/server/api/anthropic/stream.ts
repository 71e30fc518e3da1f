import type { AnswerEvent } from "../../../chat/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { type ServerSentEvent, statusOf, toShimmyError } from "../../http/mod.ts";
import type { ContentBlock } from "./response_schemas.ts";
import { toEnvelope } from "./dialect.ts";
import {
  emptyMessage,
  type MessageOptions,
  signatureOf,
  tokenCounts,
  toNotices,
  toStop,
} from "./message.ts";

type Json = { readonly type: string } & Readonly<Record<string, unknown>>;

function named(data: Json): ServerSentEvent {
  return { event: data.type, data: JSON.stringify(data) };
}

/**
 * The answer as Anthropic's named events: `message_start`, `ping`, for each block `content_block_start`,
 * deltas and `content_block_stop`, then `message_delta` and `message_stop`. An `error` event ends the
 * stream.
 *
 * `message_start` counts the whole prompt as input, because the number of cached tokens is only known at
 * the end; `message_delta` reports it.
 */
export async function* messageEvents(
  events: AsyncIterable<AnswerEvent>,
  options: MessageOptions & { readonly promptTokens: number; readonly requestId: string },
): AsyncGenerator<ServerSentEvent, void> {
  try {
    for await (const data of messageData(events, options)) yield named(data);
  } catch (thrown) {
    const error = toShimmyError(thrown);
    const { type, ...rest } = toEnvelope(error, statusOf(error), options.requestId);
    yield named({ type, ...rest });
  }
}

async function* messageData(
  events: AsyncIterable<AnswerEvent>,
  options: MessageOptions & { readonly promptTokens: number },
): AsyncGenerator<Json, void> {
  const usage = { promptTokens: options.promptTokens, completionTokens: 0, cachedTokens: 0 };
  yield { type: "message_start", message: emptyMessage(options, usage) };
  yield { type: "ping" };
  const blocks = new BlockSequence(options);
  for await (const event of events) {
    switch (event.type) {
      case "text":
        if (event.text === "") break;
        yield* blocks.open("text");
        yield blocks.delta({ type: "text_delta", text: event.text });
        break;
      case "reasoning":
        if (event.text === "") break;
        yield* blocks.open("thinking");
        if (!options.hideThinking) {
          yield blocks.delta({ type: "thinking_delta", thinking: event.text });
        }
        break;
      case "tool_call":
        yield* blocks.openCall(event.id, event.name);
        break;
      case "tool_arguments":
        yield blocks.delta({ type: "input_json_delta", partial_json: event.text });
        break;
      case "done": {
        yield* blocks.close();
        const stop = toStop(event, options);
        yield {
          type: "message_delta",
          delta: { ...stop, stop_details: null, container: null },
          usage: tokenCounts(event.usage),
          ...toNotices(event),
        };
        yield { type: "message_stop" };
        return;
      }
    }
  }
  throw new ShimmyError("backend", "Generation ended without a result");
}

/** A sequence of blocks: opening a block closes the previous one. */
class BlockSequence {
  readonly #options: MessageOptions;
  #index = -1;
  #open: ContentBlock["type"] | null = null;

  constructor(options: MessageOptions) {
    this.#options = options;
  }

  /** Opens a text or thinking block, unless one of this type is open. */
  *open(type: "text" | "thinking"): Generator<Json> {
    if (this.#open === type) return;
    yield* this.#start(
      type === "text" ? { type, text: "" } : { type, thinking: "", signature: "" },
    );
  }

  /** Opens a block for a tool call. */
  *openCall(id: string, name: string): Generator<Json> {
    yield* this.#start({ type: "tool_use", id, name, input: {}, caller: { type: "direct" } });
  }

  delta(delta: Json): Json {
    return { type: "content_block_delta", index: this.#index, delta };
  }

  /** Closes the open block, if any. */
  *close(): Generator<Json> {
    if (this.#open === null) return;
    if (this.#open === "thinking") {
      yield this.delta({ type: "signature_delta", signature: signatureOf(this.#options) });
    }
    yield { type: "content_block_stop", index: this.#index };
    this.#open = null;
  }

  *#start(block: ContentBlock): Generator<Json> {
    yield* this.close();
    this.#index++;
    this.#open = block.type;
    yield { type: "content_block_start", index: this.#index, content_block: block };
  }
}
