import type { AnswerEvent, AnswerRequest } from "../../../../chat/mod.ts";
import { callArguments } from "../../../answers/mod.ts";
import { findTools } from "../../../tool_search/mod.ts";
import type { Done } from "../shared/collected_answer.ts";
import type { ConversationItem } from "./items.ts";
import type { OutputItem } from "./object.ts";
import {
  type ResponseBody,
  type ResponseInput,
  toResponseInput,
  toResponseRequest,
} from "./schema.ts";
import type { ConversationTurn } from "./store.ts";
import { flatName, type ResponseTool } from "./tools/mod.ts";

/** Searches of one response. The last part of the answer has to do without the search. */
const MOST_SEARCHES = 5;

/** The next part of an answer. */
interface NextPart {
  readonly request: AnswerRequest;
  readonly targets: ResponseInput["targets"];
}

/** The parts of an answer between the searches that the server runs. */
export class SearchedParts {
  readonly #turn: ConversationTurn;
  readonly #body: ResponseBody;
  readonly #usage = { promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
  readonly #timings = { promptMs: 0, predictedMs: 0, draftedTokens: 0, acceptedTokens: 0 };
  readonly #loaded = new Set<string>();
  #searches = 0;
  /** Arguments of the search calls of the current part, by the index of the call. */
  #calls = new Map<number, string>();
  #callsClient = false;

  constructor(turn: ConversationTurn, body: ResponseBody) {
    this.#turn = turn;
    this.#body = body;
    for (const item of [...turn.before, ...turn.input]) {
      if (item.type === "tool_search_output") this.#load(item.tools);
    }
  }

  #load(tools: readonly ResponseTool[]): void {
    for (const { name } of candidates(tools)) this.#loaded.add(name);
  }

  /** Reads an event of the current part. */
  take(event: Exclude<AnswerEvent, { type: "done" }>, targets: ResponseInput["targets"]): void {
    if (event.type === "tool_call") {
      const target = targets.get(event.name);
      const isSearch = target?.type === "tool_search" && target.execution === "server";
      if (isSearch) this.#calls.set(event.index, "");
      else this.#callsClient = true;
    }
    if (event.type === "tool_arguments" && this.#calls.has(event.index)) {
      this.#calls.set(event.index, this.#calls.get(event.index)! + event.text);
    }
  }

  /** Ends the current part and runs its searches: the tools that each of them found. */
  end(done: Done): ResponseTool[][] {
    add(this.#usage, done.usage);
    add(this.#timings, done.timings);
    // The arguments of a call that the token limit cut are no query.
    if (done.finishReason !== "tool_calls") return [];
    const all = candidates(this.#body.tools ?? []);
    return [...this.#calls.values()].map((text) => {
      this.#searches++;
      const open = all.filter(({ name, isDeferred }) => isDeferred && !this.#loaded.has(name));
      const found = findTools("bm25", callArguments(text).query, open);
      const names = "error" in found ? [] : found.names;
      const tools = open.filter(({ name }) => names.includes(name)).map(({ tool }) => tool);
      this.#load(tools);
      return tools;
    });
  }

  /**
   * The request for the next part of the answer; `null` when the client has to run a call first, or no
   * tokens are left.
   */
  next(items: readonly OutputItem[]): NextPart | null {
    const { max_output_tokens: most } = this.#body;
    const left = most ? most - this.#usage.completionTokens : null;
    if (this.#callsClient || (left !== null && left <= 0)) return null;
    this.#calls = new Map();
    const tools = (this.#body.tools ?? []).filter((tool) =>
      tool.type !== "tool_search" || this.#searches < MOST_SEARCHES
    );
    const body = { ...this.#body, tools, max_output_tokens: left };
    const conversation = [
      ...this.#turn.before,
      ...this.#turn.input,
      ...items as readonly ConversationItem[],
    ];
    const { input, targets } = toResponseInput(body, conversation);
    return { request: toResponseRequest(body, input), targets };
  }

  /** The end of the answer, with the usage and the timings of all parts. */
  whole(done: Done): Done {
    return {
      ...done,
      usage: { ...done.usage, ...this.#usage },
      timings: { ...done.timings, ...this.#timings },
    };
  }
}

/** Adds the numbers of one part to the sums of the same names. */
function add<Name extends string>(
  sums: Record<Name, number>,
  part: { readonly [Key in NoInfer<Name>]?: number },
): void {
  for (const name of Object.keys(sums) as Name[]) sums[name] += part[name] ?? 0;
}

/** A function or custom tool, alone or in its namespace, as the search compares it. */
interface Candidate {
  readonly name: string;
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly isDeferred: boolean;
  /** The tool as a result of a search has it. */
  readonly tool: ResponseTool;
}

function candidates(tools: readonly ResponseTool[]): Candidate[] {
  return tools.flatMap((tool) => {
    if (tool.type === "namespace") {
      return tool.tools.map((member) =>
        toCandidate(member, { ...tool, tools: [member] }, tool.name)
      );
    }
    return tool.type === "function" || tool.type === "custom" ? [toCandidate(tool, tool)] : [];
  });
}

function toCandidate(
  member: Extract<ResponseTool, { type: "function" | "custom" }>,
  tool: ResponseTool,
  namespace?: string,
): Candidate {
  const about = tool.type === "namespace" ? tool.description : null;
  return {
    name: flatName(member.name, namespace),
    description: [about, member.description].filter(Boolean).join(" "),
    parameters: "parameters" in member ? member.parameters ?? {} : {},
    isDeferred: member.defer_loading === true,
    tool,
  };
}
