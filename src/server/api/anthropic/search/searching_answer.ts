import type { AnswerEvent, Tool } from "../../../../chat/mod.ts";
import type { Sink } from "../../../../engine/mod.ts";
import {
  callArguments,
  ContinuedAnswer,
  type DoneEvent,
  findTools,
  type Found,
} from "../../../answers/mod.ts";
import type { AssistantBlock, MessageParam } from "../blocks.ts";
import { offeredTools } from "../offered_tools.ts";
import type { MessagesBody } from "../schema.ts";
import { SEARCH_NAMES, type ServerSearch, serverSearches } from "../tools.ts";

/** Searches of one answer. The last part of the answer has to do without the search. */
const MOST_SEARCHES = 5;

/** Counts of the usage that the parts of an answer add up to. */
const COUNTS = ["promptTokens", "completionTokens", "cachedTokens"] as const;

/** A search that the server ran. */
export interface SearchEvent {
  readonly type: "server_search";
  readonly id: string;
  readonly name: (typeof SEARCH_NAMES)[number];
  readonly input: Readonly<Record<string, unknown>>;
  readonly found: Found;
}

/** Starts the answer to a request with a longer conversation. */
type Next = (body: MessagesBody, sink: Sink<AnswerEvent>) => unknown;

/**
 * An answer in which the server runs the model's tool searches: the model calls the search, the server
 * searches the deferred tools, and the model goes on with the definitions that were found. A search ends
 * the answer as any call does if the model also called a tool of the client.
 */
export class SearchingAnswer extends ContinuedAnswer<AnswerEvent | SearchEvent> {
  readonly #body: MessagesBody;
  readonly #next: Next;
  readonly #total = { promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
  #searches = 0;
  #turn: Turn;

  constructor(body: MessagesBody, out: Sink<AnswerEvent | SearchEvent>, next: Next) {
    super(out);
    this.#body = body;
    this.#next = next;
    this.#turn = new Turn(body);
  }

  protected override take(event: Exclude<AnswerEvent, DoneEvent>): void {
    if (!this.#turn.take(event)) this.out.event(event);
  }

  /** Runs the searches of a turn and starts the next turn; false when the answer ends instead. */
  protected override goesOn(done: DoneEvent): boolean {
    for (const name of COUNTS) {
      this.#total[name] += done.usage[name];
    }
    // A search that the token limit cut is left out: the stop reason tells why.
    const results = done.finishReason === "tool_calls" ? this.#turn.search() : [];
    for (const result of results) this.out.event(result);
    this.#searches += results.length;
    const left = this.#body.max_tokens - this.#total.completionTokens;
    const isEnd = results.length === 0 || this.#turn.callsClient;
    if (isEnd || left <= 0) {
      const end = { ...done, usage: { ...done.usage, ...this.#total } };
      this.out.event(isEnd ? end : { ...end, finishReason: "length" });
      return false;
    }
    const continued = { ...this.#turn.continued(results), max_tokens: left };
    const request = this.#searches < MOST_SEARCHES ? continued : withoutSearches(continued);
    this.#turn = new Turn(request);
    this.#next(request, this);
    return true;
  }
}

function withoutSearches(body: MessagesBody): MessagesBody {
  return { ...body, tools: (body.tools ?? []).filter((tool) => "input_schema" in tool) };
}

/** A part of the answer, up to the end of generation. */
class Turn {
  /** Whether the model called a tool that the client runs. */
  callsClient = false;
  readonly #body: MessagesBody;
  readonly #searches: ReadonlyMap<string, ServerSearch>;
  readonly #calls = new Map<number, { id: string; search: ServerSearch; text: string }>();
  #text = "";
  #reasoning = "";

  constructor(body: MessagesBody) {
    this.#body = body;
    this.#searches = new Map(serverSearches(body.tools ?? []).map((one) => [one.name, one]));
  }

  /** Reads an event. True for a part of a search call, which the client sees when it was run. */
  take(event: Exclude<AnswerEvent, DoneEvent>): boolean {
    switch (event.type) {
      case "text":
        this.#text += event.text;
        return false;
      case "reasoning":
        this.#reasoning += event.text;
        return false;
      case "tool_call": {
        const search = this.#searches.get(event.name);
        if (search === undefined) {
          this.callsClient = true;
          return false;
        }
        const id = `srvtoolu_${crypto.randomUUID().replaceAll("-", "")}`;
        this.#calls.set(event.index, { id, search, text: "" });
        return true;
      }
      case "tool_arguments": {
        const call = this.#calls.get(event.index);
        if (call !== undefined) call.text += event.text;
        return call !== undefined;
      }
      default:
        return false;
    }
  }

  /** Runs the searches of the turn. */
  search(): SearchEvent[] {
    const deferred = deferredTools(this.#body);
    return [...this.#calls.values()].map(({ id, search: { kind, type }, text }) => {
      const input = callArguments(text);
      const name = SEARCH_NAMES.find((one) => type.startsWith(one))!;
      return {
        type: "server_search",
        id,
        name,
        input,
        found: findTools(kind, input.query, deferred),
      };
    });
  }

  /** The request whose conversation contains this turn. */
  continued(results: readonly SearchEvent[]): MessagesBody {
    const thinking = { type: "thinking" as const, thinking: this.#reasoning, signature: "" };
    const content: AssistantBlock[] = [
      ...(this.#reasoning === "" ? [] : [thinking]),
      ...(this.#text === "" ? [] : [{ type: "text" as const, text: this.#text }]),
      ...results.map(({ id, name, input }) => ({
        type: "server_tool_use" as const,
        id,
        name,
        input,
      })),
      ...results.map(toResultBlock),
    ];
    const turn: MessageParam = { role: "assistant", content };
    return { ...this.#body, messages: [...this.#body.messages, turn] };
  }
}

/** The deferred tools that the conversation does not offer yet. */
function deferredTools(body: MessagesBody): Tool[] {
  const { tools, all } = offeredTools(body);
  const offered = new Set(tools.map(({ name }) => name));
  return [...all.values()].filter(({ name }) => !offered.has(name));
}

/** The block with the result of a search. */
export function toResultBlock({ id, found }: SearchEvent) {
  return {
    type: "tool_search_tool_result" as const,
    tool_use_id: id,
    content: "error" in found
      ? {
        type: "tool_search_tool_result_error" as const,
        error_code: "invalid_tool_input" as const,
        error_message: found.error,
      }
      : {
        type: "tool_search_tool_search_result" as const,
        tool_references: found.names.map((tool_name) => ({
          type: "tool_reference" as const,
          tool_name,
        })),
      },
  };
}
