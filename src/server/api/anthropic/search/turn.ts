import type { AnswerEvent, AnswerSoFar, Tool, ToolCall } from "../../../../chat/mod.ts";
import { callArguments, type DoneEvent } from "../../../answers/mod.ts";
import { findTools, type Found } from "../../../tool_search/mod.ts";
import type { AssistantBlock, MessageParam } from "../blocks.ts";
import { offeredTools } from "../offered_tools.ts";
import type { MessagesBody } from "../schema.ts";
import { SEARCH_NAMES, type ServerSearch, serverSearches } from "../tools.ts";

/** A search that the server ran. */
export interface SearchEvent {
  readonly type: "server_search";
  readonly id: string;
  readonly name: (typeof SEARCH_NAMES)[number];
  readonly input: Readonly<Record<string, unknown>>;
  readonly found: Found;
}

/** A part of the answer, up to the end of generation. */
export class Turn {
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

  /** What the client has of the turn before its searches. */
  get soFar(): AnswerSoFar {
    return { text: this.#text, reasoning: this.#reasoning, toolCalls: [] };
  }

  /**
   * Begins anew with what remains of the turn after a rewind.
   * @returns what the client has of it.
   */
  restore({ toolCalls, ...texts }: AnswerSoFar): AnswerSoFar {
    this.#text = texts.text;
    this.#reasoning = texts.reasoning;
    this.callsClient = false;
    this.#calls.clear();
    const visible: ToolCall[] = [];
    for (const [index, call] of toolCalls.entries()) {
      const isSearch = this.take({ type: "tool_call", index, id: call.id, name: call.name });
      if (isSearch) this.take({ type: "tool_arguments", index, text: call.arguments });
      else visible.push(call);
    }
    return { ...texts, toolCalls: visible };
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
