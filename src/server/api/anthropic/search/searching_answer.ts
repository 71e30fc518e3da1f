import type {
  Answer,
  AnswerEdit,
  AnswerEvent,
  AnswerFork,
  AnswerSoFar,
  ForkedAnswer,
  Format,
} from "../../../../chat/mod.ts";
import type { FlowControl, Sink } from "../../../../engine/mod.ts";
import { ShimmyError } from "../../../../errors.ts";
import type { DoneEvent, StartedChoice } from "../../../answers/mod.ts";
import type { MessagesBody } from "../schema.ts";
import { Part, type SearchedEvent } from "./part.ts";
import { SteeredSampling } from "./steered_sampling.ts";

/** Searches of one answer. The last part of the answer has to do without the search. */
const MOST_SEARCHES = 5;

/** How the parts of an answer start. */
export interface PartStarts {
  /** Starts the answer to a request. @param format replaces that of the request. */
  readonly start: (
    body: MessagesBody,
    sink: Sink<AnswerEvent>,
    format?: Format,
  ) => StartedChoice;
  /** Starts the first part. Default: `start`. */
  readonly first?: PartStarts["start"];
  /** Starts an answer that begins with tokens of another one. */
  readonly startAgain: (
    parent: Answer,
    fork: AnswerFork,
    sink: Sink<AnswerEvent>,
  ) => ForkedAnswer;
}

/**
 * An answer in which the server runs the model's tool searches: the model calls the search, the server
 * searches the deferred tools, and the model goes on with the definitions that were found. A search ends
 * the answer as any call does if the model also called a tool of the client.
 *
 * The tokens of all parts have one sequence of indices. A rewind into an earlier part starts that part
 * again with the tokens before.
 */
export class SearchingAnswer implements Answer {
  /** See `StartedAnswer.started`; undefined if the first part does not wait. */
  readonly started?: Promise<void>;
  readonly #out: Sink<SearchedEvent>;
  readonly #starts: PartStarts;
  /** The parts of the answer; the last one runs. */
  #parts: Part[] = [];
  /** Tokens of parts that rewinds dropped. */
  #discarded = 0;
  /** Changes of the sampling, which later parts have too. */
  readonly #steered = new SteeredSampling();
  /** The format that a control has set, and the part in which it did. */
  #format: { readonly format: Format; readonly part: Part } | null = null;
  #isPaused = false;
  #isStopped = false;
  #hasEnded = false;

  constructor(body: MessagesBody, out: Sink<SearchedEvent>, starts: PartStarts) {
    this.#out = {
      event: (event) => out.event(event),
      flush: () => out.flush(),
      end: (error) => {
        this.#hasEnded = true;
        out.end(error);
      },
    };
    this.#starts = starts;
    const { started } = this.#startPart(body, starts.first);
    if (started !== undefined) this.started = started;
  }

  get completionTokens(): number {
    const { offset, answer } = this.#last;
    return offset + answer.completionTokens;
  }

  /** Tokens of the first part's prompt: the later parts go on from it. */
  get promptTokens(): number | null {
    return this.#parts[0]!.answer.promptTokens;
  }

  /** As {@linkcode promptTokens}: see `Answer.queued`. */
  get queued(): Promise<number> {
    return this.#parts[0]!.answer.queued;
  }

  get #last(): Part {
    return this.#parts.at(-1)!;
  }

  control(control: FlowControl): void {
    if (control.type === "sampling") this.#steered.add(control);
    else if (control.type === "pause" || control.type === "resume") {
      this.#isPaused = control.type === "pause";
    } else if (control.type === "stop" || control.type === "cancel") this.#isStopped = true;
    this.#last.answer.control(control);
  }

  async edit(edit: AnswerEdit): Promise<number> {
    const tokens = await this.#edit(edit);
    const { sampling, phase, format } = edit;
    if (sampling !== undefined) {
      this.#steered.add({ sampling, ...(phase === undefined ? {} : { phase }) });
    }
    if (format !== undefined) this.#format = { format, part: this.#last };
    return tokens;
  }

  async #edit({ keep, ...edit }: AnswerEdit): Promise<number> {
    const { answer, offset } = this.#last;
    if (keep === undefined) return offset + await answer.edit(edit);
    if (keep < offset) return await this.#return(keep, edit);
    if (offset > 0 && keep > this.completionTokens) {
      const message = `rewind: must be from 0 to ${this.completionTokens}, not ${keep}`;
      throw new ShimmyError("invalid", message, { field: "rewind" });
    }
    return offset + await answer.edit({ ...edit, keep: keep - offset });
  }

  fork(): never {
    throw new ShimmyError("invalid", "fork: a message has no forks", { field: "fork" });
  }

  /**
   * Returns to an earlier part. The present part goes on until the edit is applied, because a refused edit
   * changes nothing.
   */
  async #return(keep: number, given: Omit<AnswerEdit, "keep">): Promise<number> {
    const index = this.#parts.findLastIndex(({ offset }) => offset <= keep);
    const former = this.#parts[index]!;
    const part = this.#newPart(former.body, former.offset);
    const at = keep - former.offset;
    // A format that was set later applies from here on.
    const isLater = this.#format !== null && this.#parts.indexOf(this.#format.part) > index;
    const edit = isLater ? { format: this.#format!.format, ...given } : given;
    const { answer, soFar } = this.#starts.startAgain(
      former.answer,
      { at, sampling: this.#steered.ofAnswer, number: 0 },
      part.gate,
    );
    part.answer = answer;
    for (const control of this.#steered.controls) answer.control(control);
    let tokens = at;
    try {
      if (Object.keys(edit).length > 0) tokens = await answer.edit(edit);
      if (this.#hasEnded || !this.#parts.includes(former)) {
        throw new ShimmyError("not_found", "The answer has ended, or was rewound meanwhile");
      }
    } catch (error) {
      part.gate.close();
      answer.control({ type: "cancel" });
      throw error;
    }
    const dropped = this.#parts.splice(index, Infinity, part);
    dropped.at(-1)!.answer.control({ type: "cancel" });
    for (const one of dropped) {
      one.gate.close();
      this.#discarded += one.tokens + (one.usage?.discardedTokens ?? 0);
    }
    // They are counted with the new part.
    this.#discarded -= at;
    if (this.#isPaused) answer.control({ type: "pause" });
    this.#rewound(part, at, soFar);
    part.gate.open();
    this.#out.flush();
    return former.offset + tokens;
  }

  #startPart(body: MessagesBody, start = this.#starts.start): StartedChoice {
    const offset = this.#parts.reduce((sum, { tokens }) => sum + tokens, 0);
    const part = this.#newPart(body, offset);
    const answer = part.answer = start(body, part.gate, this.#format?.format);
    this.#parts.push(part);
    for (const control of this.#steered.controls) answer.control(control);
    if (this.#isPaused) answer.control({ type: "pause" });
    part.gate.open();
    return answer;
  }

  #newPart(body: MessagesBody, offset: number): Part {
    return new Part(body, offset, this.#out, {
      rewound: (part, index, remains) => this.#rewound(part, index, remains),
      goesOn: (part, done) => this.#goesOn(part, done),
    });
  }

  #rewound(part: Part, index: number, remains: AnswerSoFar): void {
    const before = this.#parts.slice(0, this.#parts.indexOf(part));
    this.#out.event({
      type: "rewind",
      index: part.offset + index,
      remains: part.turn.restore(remains),
      before: before.map(({ turn, searches }) => ({ soFar: turn.soFar, searches })),
    });
  }

  /** Runs the searches of a part and starts the next part; false when the answer ends instead. */
  #goesOn(part: Part, done: DoneEvent): boolean {
    part.usage = done.usage;
    // A search that the token limit cut is left out: the stop reason tells why.
    const isSearching = done.finishReason === "tool_calls" && !this.#isStopped;
    part.searches = isSearching ? part.turn.search() : [];
    for (const result of part.searches) this.#out.event(result);
    const usage = this.#usage();
    const left = part.body.max_tokens - part.tokens;
    const isEnd = part.searches.length === 0 || part.turn.callsClient;
    if (isEnd || left <= 0) {
      const end = { ...done, usage };
      // The client does not know of a search that a stop has prevented.
      const isStopped = this.#isStopped && done.finishReason === "tool_calls" &&
        !part.turn.callsClient;
      if (!isEnd) this.#out.event({ ...end, finishReason: "length" });
      else this.#out.event(isStopped ? { ...end, finishReason: "stop" } : end);
      return false;
    }
    const continued = { ...part.turn.continued(part.searches), max_tokens: left };
    const searches = this.#parts.reduce((sum, one) => sum + one.searches.length, 0);
    this.#startPart(searches < MOST_SEARCHES ? continued : withoutSearches(continued));
    return true;
  }

  #usage(): DoneEvent["usage"] {
    const total = { promptTokens: 0, completionTokens: 0, cachedTokens: 0 };
    let discarded = this.#discarded;
    for (const { usage } of this.#parts) {
      total.promptTokens += usage?.promptTokens ?? 0;
      total.completionTokens += usage?.completionTokens ?? 0;
      total.cachedTokens += usage?.cachedTokens ?? 0;
      discarded += usage?.discardedTokens ?? 0;
    }
    return { ...total, ...(discarded === 0 ? {} : { discardedTokens: discarded }) };
  }
}

function withoutSearches(body: MessagesBody): MessagesBody {
  return { ...body, tools: (body.tools ?? []).filter((tool) => "input_schema" in tool) };
}
