import { POLICIES, type Policy, type PolicyName } from "./policies.ts";
import { Replica } from "./replica.ts";
import { SimulatedSequence } from "./sequence.ts";
import { type BatchTimes, slowdownOf } from "./timings.ts";
import { PromptTokens, type TraceRequest } from "./trace.ts";

/** How a request was served, in a simulation or by real servers. Times are in milliseconds. */
export interface ServedRequest {
  /** When it was sent: its arrival, or the end of the answer before it in its conversation. */
  readonly sentAt: number;
  readonly firstTokenAt: number;
  readonly endedAt: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Index of its replica. */
  readonly replica: number;
}

/** A request on its way to a replica. */
interface Arrival {
  readonly sentAt: number;
  /** When the replica can compute it. */
  readonly at: number;
  readonly request: TraceRequest;
}

/** A replica of the simulation, and the batch that it computes. */
interface Node {
  readonly replica: Replica;
  /** Milliseconds that the batch still takes alone on the machine; Infinity without a batch. */
  left: number;
}

/** Times that differ by less are the same event. */
const EPSILON_MS = 1e-6;

/**
 * Replays a trace against replicas.
 *
 * Time passes from event to event: a request reaches its replica, a batch ends. Batches that are
 * computed at the same time slow each other down by the measured factor.
 *
 * @returns the requests in the order in which they ended.
 * @throws {RangeError} for a request that no replica can hold, and if requests are not answered: the times then
 * predict no batch.
 */
export function simulate(
  trace: readonly TraceRequest[],
  times: BatchTimes,
  replicas: number,
  policy: PolicyName,
): ServedRequest[] {
  return new Simulation(trace, times, replicas, POLICIES[policy]()).run();
}

class Simulation {
  readonly #times: BatchTimes;
  readonly #nodes: readonly Node[];
  readonly #policy: Policy;
  readonly #prompts = new PromptTokens();
  readonly #served: ServedRequest[] = [];
  /** By time. */
  readonly #arrivals: Arrival[] = [];
  /** Later turns of conversations whose turn before is not answered. */
  readonly #turns = new Map<string, TraceRequest[]>();
  readonly #places = new Map<SimulatedSequence, { sentAt: number; node: Node }>();
  readonly #requests: number;
  #now = 0;
  #ids = 0;

  constructor(
    trace: readonly TraceRequest[],
    times: BatchTimes,
    replicas: number,
    policy: Policy,
  ) {
    this.#times = times;
    this.#requests = trace.length;
    this.#policy = policy;
    this.#nodes = Array.from(
      { length: replicas },
      () => ({ replica: new Replica(times), left: Infinity }),
    );
    for (const request of trace) {
      const { conversation } = request;
      const turns = conversation === undefined ? undefined : this.#turns.get(conversation);
      if (turns !== undefined) turns.push(request);
      else {
        if (conversation !== undefined) this.#turns.set(conversation, []);
        this.#send(request);
      }
    }
  }

  run(): ServedRequest[] {
    while (this.#advance()) {
      for (const node of this.#nodes) if (node.left <= EPSILON_MS) this.#endBatch(node);
      while (this.#arrivals[0] !== undefined && this.#arrivals[0].at <= this.#now + EPSILON_MS) {
        this.#arrive(this.#arrivals.shift()!);
      }
      for (const node of this.#nodes) {
        if (!node.replica.isComputing) node.left = node.replica.begin(this.#now) ?? Infinity;
      }
    }
    const left = this.#requests - this.#served.length;
    if (left > 0) {
      throw new RangeError(`${left} of ${this.#requests} requests are not answered at the end`);
    }
    return this.#served;
  }

  /** Moves the time to the next event. @returns false if there is none. */
  #advance(): boolean {
    const busy = this.#nodes.filter(({ left }) => left < Infinity);
    const factor = busy.length === 0 ? 1 : slowdownOf(this.#times, busy.length);
    const next = Math.min(
      ...busy.map(({ left }) => this.#now + left * factor),
      this.#arrivals[0]?.at ?? Infinity,
    );
    if (next === Infinity) return false;
    const passed = Math.max(0, next - this.#now);
    for (const node of busy) node.left -= passed / factor;
    this.#now = Math.max(this.#now, next);
    return true;
  }

  #send(request: TraceRequest): void {
    const sentAt = Math.max(this.#now, request.timestamp);
    const at = sentAt + this.#times.overheadMs;
    const place = this.#arrivals.findIndex((other) => other.at > at);
    const arrival = { sentAt, at, request };
    this.#arrivals.splice(place === -1 ? this.#arrivals.length : place, 0, arrival);
  }

  #arrive({ sentAt, request }: Arrival): void {
    const node = this.#nodes[this.#policy(request, this.#nodes.map(({ replica }) => replica))]!;
    const tokens = this.#prompts.prompt(request);
    const sequence = new SimulatedSequence(this.#ids++, request, tokens, this.#now);
    this.#places.set(sequence, { sentAt, node });
    node.replica.submit(sequence);
  }

  #endBatch(node: Node): void {
    node.left = Infinity;
    for (const sequence of node.replica.end(this.#now)) this.#answered(sequence);
  }

  #answered(sequence: SimulatedSequence): void {
    const { source, tokens, promptLength } = sequence;
    const { sentAt, node } = this.#places.get(sequence)!;
    this.#places.delete(sequence);
    this.#served.push({
      sentAt,
      firstTokenAt: sequence.firstTokenAt,
      endedAt: this.#now,
      promptTokens: promptLength,
      cachedTokens: sequence.cachedTokens,
      completionTokens: sequence.sampled,
      replica: this.#nodes.indexOf(node),
    });
    const [prompt, answer] = [tokens.slice(0, promptLength), tokens.slice(promptLength)];
    this.#prompts.answered(source, prompt, answer);
    if (source.conversation === undefined) return;
    const next = this.#turns.get(source.conversation)!.shift();
    if (next !== undefined) this.#send(next);
  }
}
