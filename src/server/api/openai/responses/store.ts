import { ShimmyError } from "../../../../errors.ts";
import { HttpError } from "../../../http/mod.ts";
import { newId } from "../shared/envelope.ts";
import { type ConversationItem, type InputItem, ITEM_PREFIX } from "./items.ts";
import type { ResponseObject } from "./object.ts";

/** A response that was kept. */
export interface StoredResponse {
  readonly response: ResponseObject;
  /** The items of its own request, each with an id. */
  readonly input: readonly StoredItem[];
  /** The whole conversation up to and with it. */
  readonly conversation: readonly StoredItem[];
  /** Characters of its JSON and of the conversation's, roughly its bytes in memory. */
  readonly size: number;
}

export type StoredItem = ConversationItem & { readonly id: string };

/** Gives an item an id where it has none. */
export function identified(item: ConversationItem): StoredItem {
  return { ...item, id: item.id ?? newId(ITEM_PREFIX[item.type ?? "message"]) };
}

export interface StoreLimits {
  readonly responses: number;
  readonly size: number;
}

/** Enough for agents that work for hours; bounded because nobody deletes. */
const LIMITS: StoreLimits = { responses: 1024, size: 64 * 1024 * 1024 };

/**
 * Responses by their ids, in memory: the oldest are forgotten when there are too many or they take too
 * much. A response keeps its whole conversation, so that forgetting one does not break those after it.
 */
export class ResponseStore {
  readonly #limits: StoreLimits;
  readonly #responses = new Map<string, StoredResponse>();
  #size = 0;

  constructor(limits: StoreLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Keeps a response; one that is larger than the whole store is not kept. */
  add(response: ResponseObject, input: readonly StoredItem[], before: readonly StoredItem[]): void {
    const output = response.output as readonly StoredItem[];
    const conversation = [...before, ...input, ...output];
    const size = JSON.stringify(response).length + JSON.stringify(conversation).length;
    if (size > this.#limits.size) return;
    this.#responses.set(response.id, { response, input, conversation, size });
    this.#size += size;
    for (const id of this.#responses.keys()) {
      const { responses, size: most } = this.#limits;
      if (this.#responses.size <= responses && this.#size <= most) break;
      this.delete(id);
    }
  }

  /**
   * A kept response.
   * @throws {HttpError} 404; 400 when the id is that of a request's field.
   */
  get(id: string, field?: string): StoredResponse {
    const found = this.#responses.get(id);
    if (found !== undefined) return found;
    const message = `Response '${id}' not found: it was never stored, or has been forgotten`;
    if (field === undefined) throw new HttpError(404, message);
    throw new ShimmyError("invalid", `${field}: ${message}`, { field });
  }

  delete(id: string): boolean {
    const found = this.#responses.get(id);
    if (found === undefined) return false;
    this.#size -= found.size;
    return this.#responses.delete(id);
  }

  /**
   * The items that `input` means, references replaced by what they refer to.
   * @throws {ShimmyError} `invalid` when a reference leads nowhere.
   */
  dereference(input: readonly InputItem[], before: readonly StoredItem[]): StoredItem[] {
    return input.map((item) => {
      if (item.type !== "item_reference") return identified(item);
      const found = before.find(({ id }) => id === item.id) ?? this.#item(item.id);
      if (found !== undefined) return found;
      throw new ShimmyError("invalid", `input: Item '${item.id}' not found`, { field: "input" });
    });
  }

  #item(id: string): StoredItem | undefined {
    for (const { conversation } of [...this.#responses.values()].reverse()) {
      const found = conversation.find((item) => item.id === id);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
