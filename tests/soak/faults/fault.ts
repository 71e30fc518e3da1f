import type { Random } from "../../grammar/random.ts";
import type { Promised, Tally } from "../load/tally.ts";
import type { SoakServer } from "../soak_server.ts";

/** What a fault works with. */
export interface FaultContext {
  readonly random: Random;
  /** Counts the requests of the fault's own servers, and its own requests. */
  readonly tally: Tally;
  /** Seconds for which load runs amid the fault. */
  readonly seconds: number;
  /** Reports what must not happen. */
  readonly problem: (what: string) => void;
  /** Prints a remark, such as how the fault was made. */
  readonly note: (what: string) => void;
}

/** A fault of the server that all such faults share. Its load runs meanwhile. */
export interface SharedFault {
  readonly name: string;
  /** What the server promises to the clients of the load meanwhile. */
  readonly promised: Promised;
  /** Why the fault cannot be made here; null if it can. */
  readonly unavailable?: () => Promise<string | null>;
  readonly run: (context: FaultContext, server: SoakServer) => Promise<void>;
}

/** A fault with servers of its own. */
export interface OwnFault {
  readonly name: string;
  readonly promised: Promised;
  readonly unavailable?: () => Promise<string | null>;
  readonly runAlone: (context: FaultContext) => Promise<void>;
}

export type Fault = SharedFault | OwnFault;
