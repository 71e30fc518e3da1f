import type { AnswerEvent, AnswerLogprob } from "../../../../chat/mod.ts";
import type { ShimmyError } from "../../../../errors.ts";
import { statusOf } from "../../../http/mod.ts";
import { toOpenAIError } from "../shared/dialect.ts";
import { toFinishReason, toNotices, unixSeconds } from "../shared/envelope.ts";
import type { Done } from "../shared/collected_answer.ts";
import { toFinalTimings, toProgress, toTimingsSoFar } from "../shared/telemetry.ts";
import {
  type OutputItem,
  type ResponseHead,
  type ResponseObject,
  type ResponseState,
  toResponse,
  toResponseUsage,
} from "./object.ts";
import { openCall, openFound } from "./open_calls.ts";
import { type ItemEvent, type OpenItem, openMessage, openReasoning } from "./open_items.ts";
import type { ResponseInput } from "./schema.ts";
import type { ResponseTool } from "./tools/mod.ts";

/** The tools that a search of the server found. */
export interface FoundTools {
  readonly type: "found_tools";
  readonly tools: readonly ResponseTool[];
}

/** An event of the stream. */
export type ResponseEvent = ItemEvent & { readonly sequence_number: number };

/**
 * Builds a response from the events of an answer and yields the events of its stream with sequence
 * numbers. Without streaming, iterate all events and read {@linkcode response}.
 */
export class ResponseBuilder {
  readonly #head: ResponseHead;
  readonly #prompt: Omit<ResponseInput, "input">;
  readonly #items: OutputItem[] = [];
  #open: { kind: "text" | "reasoning" | "call"; item: OpenItem } | null = null;
  #sequence = 0;
  #state: ResponseState = {
    status: "in_progress",
    completedAt: null,
    output: [],
    error: null,
    usage: null,
  };
  /** What calls of the functions in the prompt are for the client. A search of the server adds some. */
  targets: ResponseInput["targets"];
  /** The reasoning, to count its tokens. */
  reasoning = "";

  constructor(head: ResponseHead, prompt: Omit<ResponseInput, "input">) {
    this.#head = head;
    this.#prompt = prompt;
    this.targets = prompt.targets;
  }

  /** The current response. */
  get response(): ResponseObject {
    return toResponse(this.#head, this.#state);
  }

  get items(): readonly OutputItem[] {
    return this.#items;
  }

  *begin(): Generator<ResponseEvent, void> {
    yield this.#event({ type: "response.created", response: this.response });
    yield this.#event({ type: "response.in_progress", response: this.response });
  }

  /** The events for an event of the answer, except its last; the timings so far are in the last one. */
  *add(event: Exclude<AnswerEvent | FoundTools, { type: "done" }>): Generator<ResponseEvent, void> {
    const events = [...this.#eventsOf(event)];
    const timings = event.type === "found_tools" ? {} : toTimingsSoFar(event);
    for (const [index, one] of events.entries()) {
      yield index === events.length - 1 ? { ...one, ...timings } : one;
    }
  }

  *#eventsOf(
    event: Exclude<AnswerEvent | FoundTools, { type: "done" }>,
  ): Generator<ResponseEvent, void> {
    switch (event.type) {
      case "progress": {
        const { response } = this;
        yield this.#event({ type: "response.in_progress", response, ...toProgress(event) });
        break;
      }
      case "text":
        if (event.text === "" && event.logprobs.length === 0) return;
        if (this.#open?.kind !== "text") yield* this.#begin("text", openMessage(this.#next));
        yield* this.#append(event.text, event.logprobs);
        break;
      case "reasoning":
        if (event.text === "") return;
        this.reasoning += event.text;
        if (this.#open?.kind !== "reasoning") yield* this.#begin("reasoning", this.#newReasoning());
        yield* this.#append(event.text, []);
        break;
      case "tool_call": {
        const target = this.targets.get(event.name);
        yield* this.#begin("call", openCall(this.#next, event.id, event.name, target));
        break;
      }
      case "found_tools":
        yield* this.#begin("call", openFound(event.tools));
        yield* this.#close("completed");
        break;
      case "tool_arguments":
        if (event.text !== "") yield* this.#append(event.text, []);
    }
  }

  *#append(text: string, logprobs: readonly AnswerLogprob[]): Generator<ResponseEvent, void> {
    const event = this.#open!.item.append(text, logprobs);
    if (event !== null) yield this.#event(event);
  }

  /** The last events of a finished answer. */
  *end(done: Done, reasoningTokens: number): Generator<ResponseEvent, void> {
    const cut = toFinishReason(done.finishReason) === "length";
    const status = cut ? "incomplete" : "completed";
    if (this.#open === null && this.#items.length === 0) {
      yield* this.#begin("text", openMessage(0));
    }
    const isCall = this.#open?.kind === "call";
    const isItemCut = isCall ? done.incompleteCall !== undefined : cut;
    yield* this.#close(isItemCut ? "incomplete" : "completed");
    this.#state = {
      status,
      completedAt: cut ? null : unixSeconds(),
      output: this.#items,
      error: null,
      usage: toResponseUsage(done.usage, reasoningTokens),
      ...this.#notices(done),
    };
    const { response } = this;
    yield this.#event({ type: `response.${status}`, response, ...toFinalTimings(done) });
  }

  /** The last events of a failed answer. */
  *fail(error: ShimmyError): Generator<ResponseEvent, void> {
    const { type, message, code, param } = toOpenAIError(error, statusOf(error));
    this.#state = {
      ...this.#state,
      status: "failed",
      output: this.#items,
      error: { code: code ?? "server_error", message },
    };
    yield this.#event({ type: "response.failed", response: this.response });
    const shown = { message, code, param };
    yield this.#event({ ...shown, type: "error", error: { ...shown, type } });
  }

  #notices(done: Done): { readonly notices?: readonly string[] } {
    const left = this.#prompt.notices.map((message) => ({ message }));
    return toNotices([{ notices: left }, done]);
  }

  get #next(): number {
    return this.#items.length + (this.#open === null ? 0 : 1);
  }

  #newReasoning(): OpenItem {
    const { reasoning, include } = this.#head.body;
    return openReasoning(this.#next, {
      asSummary: Boolean(reasoning?.summary ?? reasoning?.generate_summary),
      encrypted: include?.includes("reasoning.encrypted_content") ?? false,
    });
  }

  *#begin(kind: "text" | "reasoning" | "call", item: OpenItem): Generator<ResponseEvent, void> {
    yield* this.#close("completed");
    this.#open = { kind, item };
    yield this.#event({
      type: "response.output_item.added",
      output_index: this.#items.length,
      item: item.item("in_progress"),
    });
    for (const event of item.opened) yield this.#event(event);
  }

  *#close(status: "completed" | "incomplete"): Generator<ResponseEvent, void> {
    if (this.#open === null) return;
    const { item } = this.#open;
    for (const event of item.closed()) yield this.#event(event);
    const done = item.item(status);
    const index = this.#items.push(done) - 1;
    this.#open = null;
    yield this.#event({ type: "response.output_item.done", output_index: index, item: done });
  }

  #event(event: ItemEvent): ResponseEvent {
    return { ...event, sequence_number: this.#sequence++ };
  }
}
