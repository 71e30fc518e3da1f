import type { AnswerSoFar } from "../../../chat/mod.ts";
import { type Sink, Transform } from "../../../engine/mod.ts";
import { callArguments } from "../../answers/mod.ts";
import { type ServerSentEvent, statusOf, toShimmyError } from "../../http/mod.ts";
import type { ContentBlock } from "./response_schemas.ts";
import { toEnvelope } from "./dialect.ts";
import type { SearchedEvent, SearchedPart, SearchEvent } from "./search/mod.ts";
import {
  emptyMessage,
  type MessageOptions,
  searchBlocks,
  signatureOf,
  tokenCounts,
  toNotices,
  toStop,
} from "./message.ts";

type Json = { readonly type: string } & Readonly<Record<string, unknown>>;

/**
 * The answer as Anthropic's named events: `message_start`, `ping`, for each block `content_block_start`,
 * deltas and `content_block_stop`, then `message_delta` and `message_stop`. An `error` event ends the
 * stream.
 *
 * `message_start` counts the whole prompt as input, because the number of cached tokens is only known at
 * the end; `message_delta` reports it.
 */
export class MessageEvents extends Transform<SearchedEvent, ServerSentEvent> {
  readonly #options: MessageOptions & { readonly requestId: string };
  readonly #blocks: BlockSequence;
  /** Events before the start of the message; null after it. */
  #early: SearchedEvent[] | null = [];
  /** The end of an answer that ended before the start of the message. */
  #ending: { readonly error: unknown } | null = null;

  constructor(
    options: MessageOptions & { readonly requestId: string },
    stream: Sink<ServerSentEvent>,
  ) {
    super(stream);
    this.#options = options;
    this.#blocks = new BlockSequence(options, (data) => this.#send(data));
  }

  /** Begins the message. Earlier events follow it. */
  begin(promptTokens: number): void {
    const usage = { promptTokens, completionTokens: 0, cachedTokens: 0 };
    this.#send({ type: "message_start", message: emptyMessage(this.#options, usage) });
    this.#send({ type: "ping" });
    const early = this.#early ?? [];
    this.#early = null;
    try {
      for (const event of early) this.event(event);
    } catch (error) {
      return this.end(error);
    }
    if (this.#ending === null) this.flush();
    else this.end(this.#ending.error);
  }

  override event(event: SearchedEvent): void {
    if (this.#early !== null) return void this.#early.push(event);
    const blocks = this.#blocks;
    switch (event.type) {
      case "text":
        if (event.text === "") break;
        blocks.open("text");
        blocks.delta({ type: "text_delta", text: event.text });
        break;
      case "reasoning":
        if (event.text === "") break;
        blocks.open("thinking");
        if (!this.#options.hideThinking) {
          blocks.delta({ type: "thinking_delta", thinking: event.text });
        }
        break;
      case "tool_call":
        blocks.openCall(event.id, event.name);
        break;
      case "tool_arguments":
        blocks.delta({ type: "input_json_delta", partial_json: event.text });
        break;
      case "server_search":
        blocks.search(event);
        break;
      case "rewind":
        this.#rewind(event.index, event.remains, event.before);
        break;
      case "done":
        blocks.close();
        this.#send({
          type: "message_delta",
          delta: { ...toStop(event, this.#options), stop_details: null, container: null },
          usage: tokenCounts(event.usage),
          ...toNotices(event),
        });
        this.#send({ type: "message_stop" });
    }
  }

  /** The last call may go on, so it comes again as a block. */
  #rewind(
    index: number,
    { toolCalls, ...soFar }: AnswerSoFar,
    before: readonly SearchedPart[] = [],
  ): void {
    const last = toolCalls.at(-1);
    const content = [
      ...before.flatMap((part) => [
        ...contentOf(part.soFar, this.#options),
        ...part.searches.flatMap(searchBlocks),
      ]),
      ...contentOf({ ...soFar, toolCalls: toolCalls.slice(0, -1) }, this.#options),
    ];
    this.#blocks.close();
    this.#send({ type: "rewind", index, content });
    if (last === undefined) return;
    this.#blocks.openCall(last.id, last.name);
    this.#blocks.delta({ type: "input_json_delta", partial_json: last.arguments });
  }

  override end(thrown?: unknown): void {
    if (this.#early !== null) {
      this.#ending = { error: thrown };
      return;
    }
    if (thrown !== undefined) {
      const error = toShimmyError(thrown);
      const { type, ...rest } = toEnvelope(error, statusOf(error), this.#options.requestId);
      this.#send({ type, ...rest });
    }
    this.out.end();
  }

  #send(data: Json): void {
    this.out.event({ event: data.type, data: JSON.stringify(data) });
  }
}

/** The content that an answer is so far. */
function contentOf(
  { text, reasoning, toolCalls }: AnswerSoFar,
  options: MessageOptions,
): readonly ContentBlock[] {
  const thinking = options.hideThinking ? "" : reasoning;
  return [
    ...(reasoning === ""
      ? []
      : [{ type: "thinking" as const, thinking, signature: signatureOf(options) }]),
    ...(text === "" ? [] : [{ type: "text" as const, text }]),
    ...toolCalls.map(({ id, name, arguments: given }) => ({
      type: "tool_use" as const,
      id,
      name,
      input: callArguments(given),
      caller: { type: "direct" as const },
    })),
  ];
}

/** A sequence of blocks: opening a block closes the previous one. */
class BlockSequence {
  readonly #options: MessageOptions;
  readonly #send: (data: Json) => void;
  #index = -1;
  #open: ContentBlock["type"] | null = null;

  constructor(options: MessageOptions, send: (data: Json) => void) {
    this.#options = options;
    this.#send = send;
  }

  /** Opens a text or thinking block, unless one of this type is open. */
  open(type: "text" | "thinking"): void {
    if (this.#open === type) return;
    this.#start(type === "text" ? { type, text: "" } : { type, thinking: "", signature: "" });
  }

  /** Opens a block for a tool call. */
  openCall(id: string, name: string): void {
    this.#start({ type: "tool_use", id, name, input: {}, caller: { type: "direct" } });
  }

  /** The two blocks of a search, of which only the input of the call comes as a delta. */
  search(event: SearchEvent): void {
    const [call, result] = searchBlocks(event);
    this.#start({ ...call, input: {} } as ContentBlock);
    this.delta({ type: "input_json_delta", partial_json: JSON.stringify(event.input) });
    this.#start(result);
  }

  delta(delta: Json): void {
    this.#send({ type: "content_block_delta", index: this.#index, delta });
  }

  /** Closes the open block, if any. */
  close(): void {
    if (this.#open === null) return;
    if (this.#open === "thinking") {
      this.delta({ type: "signature_delta", signature: signatureOf(this.#options) });
    }
    this.#send({ type: "content_block_stop", index: this.#index });
    this.#open = null;
  }

  #start(block: ContentBlock): void {
    this.close();
    this.#index++;
    this.#open = block.type;
    this.#send({ type: "content_block_start", index: this.#index, content_block: block });
  }
}
