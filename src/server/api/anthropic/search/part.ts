import type { Answer, AnswerEvent, AnswerSoFar } from "../../../../chat/mod.ts";
import type { Sink } from "../../../../engine/mod.ts";
import { ContinuedAnswer, type DoneEvent } from "../../../answers/mod.ts";
import type { MessagesBody } from "../schema.ts";
import { Gate } from "./gate.ts";
import { type SearchEvent, Turn } from "./turn.ts";

/** A part of an answer that has ended with searches, as the client has it. */
export interface SearchedPart {
  readonly soFar: AnswerSoFar;
  readonly searches: readonly SearchEvent[];
}

type Rewind = Extract<AnswerEvent, { type: "rewind" }>;

/** The events of an answer with searches. After a rewind, `before` is what stands before `remains`. */
export type SearchedEvent =
  | Exclude<AnswerEvent, Rewind>
  | SearchEvent
  | (Rewind & { readonly before?: readonly SearchedPart[] });

/** What a part reports to its answer. */
interface PartOwner {
  readonly rewound: (part: Part, index: number, remains: AnswerSoFar) => void;
  readonly goesOn: (part: Part, done: DoneEvent) => boolean;
}

/** A part of the answer, up to the end of generation. */
export class Part extends ContinuedAnswer<SearchedEvent> {
  readonly turn: Turn;
  readonly gate: Gate<AnswerEvent>;
  readonly #owner: PartOwner;
  answer!: Answer;
  /** Set at its end. */
  usage: DoneEvent["usage"] | null = null;
  searches: readonly SearchEvent[] = [];

  /** @param offset tokens of the answer before the part */
  constructor(
    readonly body: MessagesBody,
    readonly offset: number,
    out: Sink<SearchedEvent>,
    owner: PartOwner,
  ) {
    super(out);
    this.#owner = owner;
    this.turn = new Turn(body);
    this.gate = new Gate(this);
  }

  /** Tokens of the part. */
  get tokens(): number {
    return this.usage?.completionTokens ?? this.answer.completionTokens;
  }

  protected override take(event: Exclude<AnswerEvent, DoneEvent>): void {
    if (event.type === "rewind") this.#owner.rewound(this, event.index, event.remains);
    else if (!this.turn.take(event)) this.out.event(event);
  }

  protected override goesOn(done: DoneEvent): boolean {
    return this.#owner.goesOn(this, done);
  }
}
