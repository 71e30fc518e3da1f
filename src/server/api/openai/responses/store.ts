import { ShimmyError } from "../../../../errors.ts";
import { Shares } from "../../../access/mod.ts";
import { HttpError } from "../../../http/mod.ts";
import { newId } from "../shared/envelope.ts";
import { type ConversationItem, type InputItem, ITEM_PREFIX } from "./items.ts";
import type { ResponseObject } from "./object.ts";

/** A stored response. */
export interface StoredResponse {
  /** Id of the signed key whose request made it; null: a request with all rights. */
  readonly owner: string | null;
  readonly response: ResponseObject;
  /** The input items of the request, each with an id. */
  readonly input: readonly StoredItem[];
  /** The whole conversation including the response. */
  readonly conversation: readonly StoredItem[];
  /** Length of the JSON of response and conversation, about the bytes in memory. */
  readonly size: number;
}

export type StoredItem = ConversationItem & { readonly id: string };

/** The item with an id. */
export function identified(item: ConversationItem): StoredItem {
  return { ...item, id: item.id ?? newId(ITEM_PREFIX[item.type ?? "message"]) };
}

export interface StoreLimits {
  readonly responses: number;
  readonly size: number;
}

/** Enough for agents that run for hours; limited because clients do not delete responses. */
const LIMITS: StoreLimits = { responses: 1024, size: 64 * 1024 * 1024 };

/** The items of a request and of the conversation before it. */
export interface ConversationTurn {
  readonly before: readonly StoredItem[];
  readonly input: readonly StoredItem[];
}

/** What all parts of a store have in common. */
class Shared {
  readonly responses = new Map<string, StoredResponse>();
  /** Number and sizes of the responses of each owner. */
  readonly counts = new Shares<string | null>();
  readonly sizes = new Shares<string | null>();
}

/**
 * Responses by id, in memory. Above a limit, the oldest of the owner with the most are evicted. A response
 * includes its whole conversation, so that later responses do not depend on evicted ones.
 */
export class ResponseStore {
  readonly #limits: StoreLimits;
  readonly #owner: string | null;
  readonly #shared: Shared;

  constructor(
    limits: StoreLimits = LIMITS,
    owner: string | null = null,
    shared = new Shared(),
  ) {
    this.#limits = limits;
    this.#owner = owner;
    this.#shared = shared;
  }

  /** The part of the store that a signed key reaches: its own responses. */
  of(owner: string): ResponseStore {
    return new ResponseStore(this.#limits, owner, this.#shared);
  }

  /** Stores a response, unless it is larger than the whole store. */
  add(response: ResponseObject, input: readonly StoredItem[], before: readonly StoredItem[]): void {
    const output = response.output as readonly StoredItem[];
    const conversation = [...before, ...input, ...output];
    const size = JSON.stringify(response).length + JSON.stringify(conversation).length;
    this.keep({ owner: this.#owner, response, input, conversation, size });
  }

  /** Keeps a response as it was stored, unless it is larger than the whole store. */
  keep(stored: StoredResponse): void {
    const { response: { id }, size } = stored;
    this.#remove(id);
    if (size > this.#limits.size) return;
    const { responses: kept, counts, sizes } = this.#shared;
    kept.set(id, stored);
    counts.add(stored.owner, 1);
    sizes.add(stored.owner, size);
    while (counts.total > this.#limits.responses) this.#removeOldest(counts.largest!);
    while (sizes.total > this.#limits.size) this.#removeOldest(sizes.largest!);
  }

  #removeOldest(owner: string | null): void {
    for (const [id, response] of this.#shared.responses) {
      if (response.owner === owner) return void this.#remove(id);
    }
  }

  /**
   * A kept response.
   * @throws {HttpError} 404; 400 when the id is that of a request's field.
   */
  get(id: string, field?: string): StoredResponse {
    const found = this.#shared.responses.get(id);
    if (found !== undefined && this.#reaches(found)) return found;
    const message = `Response '${id}' not found: it was not stored or has been evicted`;
    if (field === undefined) throw new HttpError(404, message);
    throw new ShimmyError("invalid", `${field}: ${message}`, { field });
  }

  /** A kept response of any key. */
  peek(id: string): StoredResponse | undefined {
    return this.#shared.responses.get(id);
  }

  delete(id: string): boolean {
    const found = this.#shared.responses.get(id);
    return found !== undefined && this.#reaches(found) && this.#remove(id);
  }

  #reaches({ owner }: StoredResponse): boolean {
    return this.#owner === null || owner === this.#owner;
  }

  #remove(id: string): boolean {
    const { responses, counts, sizes } = this.#shared;
    const removed = responses.get(id);
    if (removed === undefined) return false;
    counts.add(removed.owner, -1);
    sizes.add(removed.owner, -removed.size);
    return responses.delete(id);
  }

  /**
   * The items of `input` with references replaced by their items.
   * @throws {ShimmyError} `invalid` for a reference to an unknown item.
   */
  dereference(input: readonly InputItem[], before: readonly StoredItem[]): StoredItem[] {
    // A request can have many references, and the store many items.
    let items: ReadonlyMap<string, StoredItem> | null = null;
    return input.map((item) => {
      if (item.type !== "item_reference") return identified(item);
      const found = (items ??= this.#items(before)).get(item.id);
      if (found !== undefined) return found;
      throw new ShimmyError("invalid", `input: Item '${item.id}' not found`, { field: "input" });
    });
  }

  /** All items that references can name: those of the latest responses replace earlier ones. */
  #items(before: readonly StoredItem[]): ReadonlyMap<string, StoredItem> {
    const items = new Map<string, StoredItem>();
    const add = (list: readonly StoredItem[]) => {
      for (const item of list) items.set(item.id, item);
    };
    for (const stored of this.#shared.responses.values()) {
      if (this.#reaches(stored)) add(stored.conversation);
    }
    add(before);
    return items;
  }
}
