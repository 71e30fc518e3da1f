import type { AnswerEvent, AnswerRequest } from "../../chat/mod.ts";
import type { Engine, Sink } from "../../engine/mod.ts";
import type { Control } from "../../engine/protocol/mod.ts";
import { Shares } from "../access/mod.ts";
import { type Exchange, HttpError, mostHeldMsOf } from "../http/mod.ts";
import { Choices, choicesOf, type Forks, type Indexed, type Start } from "./run_choices.ts";
import type { Caller } from "./start_answer.ts";

/** Milliseconds for which an answer that has ended is still known. */
const KEPT_MS = 60_000;

/** Maximum answers that have ended and are still known. */
const KEPT_ANSWERS = 1024;

/** The id of a choice: the first one has that of the response. */
export function choiceId(id: string, index: number): string {
  return index === 0 ? id : `${id}-${index}`;
}

/** What the answers of a response can do beyond `Choices`. */
export interface NamedAnswers {
  /** Id of the response. */
  readonly id: string;
  readonly choices: Pick<Choices, keyof Choices>;
  /** Tells the client of forks, before their first event. Absent: the response cannot tell of forks. */
  readonly forked?: (forks: Forks) => void;
  /** Takes the stream of the response up again. Absent: its events are not kept. */
  readonly resume?: (exchange: Exchange) => Promise<Response>;
}

/** A choice of a response. */
export interface NamedChoice {
  readonly answers: NamedAnswers;
  readonly index: number;
}

/** A response by its id. */
interface Entry extends Pick<NamedAnswers, "resume"> {
  /** Id of the signed key whose request it was; null: a request with all rights. */
  readonly owner: string | null;
  /** Number of its choices. */
  readonly count: number;
  /** Null after the end. */
  readonly answers: NamedAnswers | null;
  /** Infinity while it runs. */
  readonly endedAt: number;
}

/** Who asks for an answer. */
type Asker = Pick<Caller, "context" | "key">;

/** The answers of a server by the id of their response: those that run, and those that ended. */
class KnownAnswers {
  readonly #entries = new Map<string, Entry>();
  /** Number of the ended ones of each key. */
  readonly #ended = new Shares<string | null>();

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Adds an answer behind all others. */
  set(id: string, entry: Entry): void {
    this.#delete(id);
    this.#entries.set(id, entry);
    if (entry.answers === null) this.#ended.add(entry.owner, 1);
  }

  #delete(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    if (entry.answers === null) this.#ended.add(entry.owner, -1);
  }

  /** Forgets answers that ended too long ago, and above the limit the oldest ones of the key with the most. */
  forget(): void {
    const now = performance.now();
    for (const [id, { answers, endedAt, owner }] of this.#entries) {
      if (answers !== null) continue;
      const isOld = now - endedAt >= KEPT_MS;
      if (!isOld && this.#ended.total <= KEPT_ANSWERS) break;
      if (isOld || owner === this.#ended.largest) this.#delete(id);
    }
  }
}

const servers = new WeakMap<object, KnownAnswers>();

function knownOf({ context: { settings } }: Pick<Caller, "context">): KnownAnswers {
  const known = servers.get(settings) ?? new KnownAnswers();
  servers.set(settings, known);
  return known;
}

/**
 * Like `choicesOf`, for choices that other requests of the same key may control by their ids.
 * @param isAwaited as for `choicesOf`.
 */
export function steeredChoices(
  caller: Caller,
  engine: Engine,
  requests: readonly AnswerRequest[],
  sink: Sink<Indexed<AnswerEvent>>,
  named: Omit<NamedAnswers, "choices">,
  isAwaited = true,
): Choices {
  const options = { isAwaited, mayFork: named.forked !== undefined };
  const choices = choicesOf(caller, engine, requests, sink, options);
  nameChoices(caller, choices, named);
  return choices;
}

/** An answer of one choice that other requests of the same key may control by its id. */
export function steeredAnswer<Event>(
  caller: Caller,
  start: Start<Event | AnswerEvent>,
  sink: Sink<Indexed<Event | AnswerEvent>>,
  named: Omit<NamedAnswers, "choices" | "forked">,
): Choices<Event> {
  const choices = new Choices<Event>(1, start, sink, mostHeldMsOf(caller.context.settings));
  nameChoices(caller, choices, named);
  return choices;
}

/** Makes the choices of a response known by its id, also for a time after their end. */
function nameChoices(
  caller: Caller,
  choices: NamedAnswers["choices"],
  named: Omit<NamedAnswers, "choices">,
): void {
  const known = knownOf(caller);
  known.forget();
  const owner = caller.key?.id ?? null;
  const kept = named.resume === undefined ? {} : { resume: named.resume };
  known.set(named.id, {
    ...{ owner, ...kept, endedAt: Infinity },
    answers: { ...named, choices },
    get count() {
      return choices.count;
    },
  });
  caller.onKnown?.();
  caller.onEnd(() => {
    // To the end of the order in which ended answers are forgotten, without their tokens.
    const { count } = choices;
    known.set(named.id, { owner, ...kept, endedAt: performance.now(), answers: null, count });
  });
}

/**
 * The choice with an id.
 * @throws {HttpError} 404 as {@linkcode findResumable} does; 409 if its response has ended.
 */
export function findChoice(asker: Asker, id: string): NamedChoice {
  const { entry: { answers }, index } = find(asker, id);
  if (answers !== null) return { answers, index };
  throw new HttpError(409, "The answer has ended");
}

/**
 * How the stream is taken up again that has the answer with an id; undefined: its events are not kept.
 * @throws {HttpError} 404 for an unknown id, and for the id of an answer of another key.
 */
export function findResumable(asker: Asker, id: string): NamedAnswers["resume"] {
  return find(asker, id).entry.resume;
}

function find(asker: Asker, id: string): { readonly entry: Entry; readonly index: number } {
  const known = knownOf(asker);
  known.forget();
  const [, base = id, number] = /^(.*)-(\d{1,6})$/.exec(id) ?? [];
  for (const [name, index] of [[id, 0], [base, Number(number ?? 0)]] as const) {
    const entry = known.get(name);
    if (entry === undefined || index >= entry.count) continue;
    if (asker.key === null || asker.key.id === entry.owner) return { entry, index };
  }
  throw new HttpError(404, `Answer '${id}' not found: it is unknown, or ended too long ago`);
}

/** Controls all answers of a response. @returns false if no such response is running. */
export function controlAnswers(asker: Asker, id: string, control: Control): boolean {
  const entry = knownOf(asker).get(id);
  if (entry === undefined || entry.answers === null) return false;
  if (asker.key !== null && asker.key.id !== entry.owner) return false;
  entry.answers.choices.control(control);
  return true;
}
