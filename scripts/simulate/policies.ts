import type { TraceRequest } from "./trace.ts";

/** What a policy sees of a replica. */
export interface ReplicaLoad {
  /** Requests that wait or run. */
  readonly load: number;
}

/** Selects the replica of a request. @returns its index. */
export type Policy = (request: TraceRequest, replicas: readonly ReplicaLoad[]) => number;

/** Creates a policy by its name. */
export const POLICIES = {
  /** One after the other. */
  "round-robin": () => {
    let next = 0;
    return (_, replicas) => next++ % replicas.length;
  },
  /** Equal beginnings to the same replica; when a replica goes or comes, the others keep theirs. */
  "sticky": () => {
    let single = 0;
    return ({ conversation, hash_ids }, replicas) => {
      // The first block alone may be a system prompt that conversations share.
      const beginning = conversation ?? hash_ids?.slice(0, 2).join() ?? `single ${single++}`;
      // Rendezvous hashing: the replica with the highest score (Thaler and Ravishankar, 1998).
      const scores = replicas.map((_, at) => hash(`${beginning} at ${at}`));
      return scores.indexOf(Math.max(...scores));
    };
  },
  /** The replica with the fewest requests, the first of them. */
  "least-queue": () => (_, replicas) => {
    const loads = replicas.map(({ load }) => load);
    return loads.indexOf(Math.min(...loads));
  },
  /** The replica that the trace names. */
  "recorded": () => ({ timestamp, replica }, replicas) => {
    if (replica === undefined || replica >= replicas.length) {
      throw new RangeError(
        `The request at timestamp ${timestamp}: replica must be below ${replicas.length}, ` +
          `not ${replica ?? "absent"}`,
      );
    }
    return replica;
  },
} satisfies Readonly<Record<string, () => Policy>>;

export type PolicyName = keyof typeof POLICIES;

/** FNV-1a of 32 bits, with the last step of MurmurHash3 so that close texts have distant hashes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    value = Math.imul(value ^ byte, 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
