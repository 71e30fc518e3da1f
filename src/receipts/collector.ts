import type { FinishReason, MediaInput, Sampling, SequenceTrace } from "../engine/protocol/mod.ts";
import { ShimmyError } from "../errors.ts";
import type { AnsweredRequest, ReceiptIssuer } from "./issuer.ts";
import type { Receipt } from "./receipt.ts";

/** In place of a receipt that could not be made. */
export interface FailedReceipt {
  readonly error: string;
}

/** What is known of an answer that was computed again. */
export interface TracedAnswer {
  readonly trace: SequenceTrace;
  readonly finishReason: FinishReason;
  /** The images and sounds of its prompt. */
  readonly media: readonly MediaInput[];
}

/** Computes answers again with the sampling of their receipts. */
export interface Replay {
  /** The sampling of each answer of the request, in order. */
  readonly samplings: readonly {
    readonly answer: Sampling;
    readonly reasoning: Sampling | null;
  }[];
  /** Receives each answer. */
  readonly traced: (index: number, answer: TracedAnswer) => void;
}

/** The receipts of one request, which may have several answers. */
export class ReceiptCollector {
  readonly #issuer: ReceiptIssuer | undefined;
  readonly #route: string;
  #isWanted = false;
  #body: unknown = null;
  #pending: (Promise<Receipt | FailedReceipt> | null)[] = [];

  /** @param issuer Undefined: receipts are refused. */
  constructor(issuer: ReceiptIssuer | undefined, route: string) {
    this.#issuer = issuer;
    this.#route = route;
  }

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Asks for receipts. @throws {ShimmyError} `invalid` when the server makes none. */
  want(): void {
    if (this.#issuer === undefined) {
      throw new ShimmyError("invalid", "receipt: this server makes no receipts", {
        field: "receipt",
      });
    }
    this.#isWanted = true;
  }

  /** Sets the body that the receipts are about. */
  setBody(body: unknown): void {
    this.#body = body;
  }

  /** Reserves the place of an answer. Returns its index. */
  reserve({ paths, projector }: AnsweredRequest["model"]): number {
    this.#issuer?.prepare(projector === undefined ? paths : [...paths, projector]);
    return this.#pending.push(null) - 1;
  }

  /** Begins to make the receipt of an answer. */
  add(index: number, answer: Omit<AnsweredRequest, "route" | "body">): void {
    const made = this.#issuer!.issue({ ...answer, route: this.#route, body: this.#body });
    this.#pending[index] = made.catch((error) => ({ error: clientMessage(error) }));
  }

  /**
   * The member for the response: `receipt`, or `receipts` for several answers in their order. Empty
   * without a finished answer.
   */
  async members(): Promise<
    | { readonly receipt: Receipt | FailedReceipt }
    | { readonly receipts: readonly (Receipt | FailedReceipt)[] }
    | Record<never, never>
  > {
    const made = await Promise.all(this.#pending.filter((one) => one !== null));
    if (made.length === 0) return {};
    return made.length === 1 ? { receipt: made[0]! } : { receipts: made };
  }
}

/** Messages of the system contain paths, which are not for clients. */
function clientMessage(error: unknown): string {
  return error instanceof ShimmyError ? error.message : "The receipt could not be made";
}
