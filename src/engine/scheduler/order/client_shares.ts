import { clientShare } from "../../../client_share.ts";
import { schedulingCost, TOKENS_PER_PRIORITY } from "./priority.ts";
import type { Sequence } from "../sequence.ts";

/** The properties of a sequence that determine its turn. */
export type SharingSequence =
  & Pick<Sequence, "id" | "remaining" | "submitted" | "hasSampled">
  & { readonly request: Pick<Sequence["request"], "priority" | "client"> };

/**
 * Sorts waiting sequences as `byPriority` does, but lets clients take turns. Each sequence of a client
 * that runs, or waits before another one of the same client, counts as one step of priority against
 * it; so does each one that was admitted while other clients waited. Sequences without a client have
 * no others before them.
 */
export class ClientTurns {
  /** Admissions by client, counted from those of the clients that waited when it came. */
  readonly #admitted = new Map<string, number>();

  /** Records that a waiting sequence was admitted. */
  admit({ request: { client } }: SharingSequence): void {
    if (client !== undefined) this.#admitted.set(client, (this.#admitted.get(client) ?? 0) + 1);
  }

  order<S extends SharingSequence>(
    waiting: readonly S[],
    running: readonly SharingSequence[],
    now: number,
  ): S[] {
    if (waiting.length < 2) return [...waiting];
    const turns = this.#turns(waiting, running);
    const nextTurn = ({ request: { client } }: SharingSequence): number => {
      if (client === undefined) return 0;
      const turn = turns.get(client)!;
      turns.set(client, turn + 1);
      return turn;
    };
    const compare = (a: Ranked<S>, b: Ranked<S>) =>
      a.cost === b.cost ? a.sequence.id - b.sequence.id : a.cost - b.cost;
    return waiting
      .map((sequence) => ({ sequence, cost: costOf(sequence, now) }))
      .sort(compare)
      .map(({ sequence, cost }) => ({
        sequence,
        cost: cost + nextTurn(sequence) * TOKENS_PER_PRIORITY,
      }))
      .sort(compare)
      .map(({ sequence }) => sequence);
  }

  /** The turn of each waiting client's first sequence; 0 for the client that had the fewest. */
  #turns(
    waiting: readonly SharingSequence[],
    running: readonly SharingSequence[],
  ): Map<string, number> {
    const clientsOf = (sequences: readonly SharingSequence[]) =>
      sequences.flatMap(({ request: { client } }) => client === undefined ? [] : [client]);
    const active = new Set(clientsOf(waiting));
    const busy = clientsOf(running);
    const known = [...active].flatMap((client) => this.#admitted.get(client) ?? []);
    const fewest = known.length === 0 ? 0 : Math.min(...known);
    for (const client of this.#admitted.keys()) {
      if (!active.has(client) && !busy.includes(client)) this.#admitted.delete(client);
    }
    const turns = new Map<string, number>();
    for (const client of active) {
      const admitted = this.#admitted.get(client) ?? fewest;
      this.#admitted.set(client, admitted);
      turns.set(client, admitted - fewest);
    }
    for (const client of busy) {
      if (active.has(client)) turns.set(client, turns.get(client)! + 1);
    }
    return turns;
  }
}

interface Ranked<S> {
  readonly sequence: S;
  readonly cost: number;
}

/** Preempted sequences come first, oldest first. */
function costOf(sequence: SharingSequence, now: number): number {
  return sequence.hasSampled ? -Infinity : schedulingCost(sequence, now);
}

/** Whether a client has filled its share of a queue of `limit` places. */
export function hasFilledShare(
  waiting: readonly SharingSequence[],
  client: string | undefined,
  limit: number,
): boolean {
  if (client === undefined) return false;
  const own = waiting.filter(({ request }) => request.client === client).length;
  return own >= clientShare(limit);
}
