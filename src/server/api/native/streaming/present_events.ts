import type { Numbered } from "../../../resuming/mod.ts";
import type { UnifiedEvent } from "../schema.ts";

type NumberedEvent = Numbered<UnifiedEvent>;
type TokenEvent = Extract<UnifiedEvent, { readonly index: number }>;
type ForkEvent = Extract<UnifiedEvent, { readonly forked: number }>;

/** A token of an answer, or text of it. Two can have one index, which never falls but by a rewind. */
interface Token {
  readonly number: number;
  readonly event: TokenEvent;
}

/** A fork, and the tokens with which its answers began. */
interface Fork {
  readonly parent: string;
  readonly begun: readonly Token[];
}

/**
 * The events of the tokens that answers have now, from an index on, and of their forks and ends. Rewinds are
 * left out.
 *
 * A reader gives a fork the tokens of its parent before the index of the fork's event. Where a rewind dropped
 * some of them from the parent or from the fork since, the event has the index up to which both are the same,
 * and the other tokens with which the fork began follow as tokens of its own, also those before `from`.
 *
 * @param id id of the request's own answer, whose events have no id.
 */
export function presentEvents(
  events: readonly NumberedEvent[],
  from: number,
  id: string,
): readonly NumberedEvent[] {
  const answers = new PresentAnswers(events, id);
  return events.flatMap((numbered): readonly NumberedEvent[] => {
    const { event } = numbered;
    if ("rewind" in event) return [];
    if ("forked" in event) return answers.begin(numbered, event);
    if (!("index" in event)) return [numbered];
    return answers.has(event) && event.index >= from ? [numbered] : [];
  });
}

/** The tokens of answers after all events, and the forks that were told. */
class PresentAnswers {
  readonly #id: string;
  readonly #tokens = new Map<string, Token[]>();
  readonly #forks = new Map<ForkEvent, Fork>();
  /** The events of the tokens that their own answers have. */
  readonly #present = new Set<TokenEvent>();

  constructor(events: readonly NumberedEvent[], id: string) {
    this.#id = id;
    for (const { number, event } of events) {
      if ("index" in event) this.#of(event).push({ number, event });
      else if ("rewind" in event) dropFrom(this.#of(event), event.rewind);
      else if ("forked" in event) this.#fork(event);
    }
    for (const [answer, tokens] of this.#tokens) {
      for (const { event } of tokens) {
        if ((event.answer ?? id) === answer) this.#present.add(event);
      }
    }
  }

  /** Whether an answer still has the token that came as its own. */
  has(event: TokenEvent): boolean {
    return this.#present.has(event);
  }

  /** The event of a fork, and the tokens of its answers that their parent no longer has. */
  begin({ number }: NumberedEvent, event: ForkEvent): readonly NumberedEvent[] {
    const { parent, begun } = this.#forks.get(event)!;
    const lists = [parent, ...event.answers].map((answer) => this.#tokens.get(answer) ?? []);
    const differs = begun.findIndex((token, at) => lists.some((list) => list[at] !== token));
    const shared = differs === -1 ? begun.length : differs;
    const forked = differs === -1 ? event.forked : begun[differs]!.event.index;
    const own = event.answers.flatMap((answer) => {
      const tokens = this.#tokens.get(answer) ?? [];
      // Both frames of a token count, of which one may be before the place where the answers differ.
      const first = begun.slice(0, shared).filter(({ event }) => event.index < forked).length;
      return begun.slice(first)
        .filter((token, at) => tokens[first + at] === token)
        .map((token) => ({ number, event: { ...token.event, answer } }));
    });
    return [{ number, event: { ...event, forked } }, ...own];
  }

  #of({ answer = this.#id }: { readonly answer?: string }): Token[] {
    const tokens = this.#tokens.get(answer) ?? [];
    this.#tokens.set(answer, tokens);
    return tokens;
  }

  #fork(event: ForkEvent): void {
    const begun = this.#of(event).filter((token) => token.event.index < event.forked);
    this.#forks.set(event, { parent: event.answer ?? this.#id, begun });
    for (const answer of event.answers) this.#tokens.set(answer, [...begun]);
  }
}

/** Removes the tokens from an index on. */
function dropFrom(tokens: Token[], index: number): void {
  while (tokens.length > 0 && tokens.at(-1)!.event.index >= index) tokens.pop();
}
