import { ownMember } from "../../../../own_member.ts";
import { type Exchange, HttpError, json, type RouteCode } from "../../../http/mod.ts";
import type { ModelPool } from "../../../../models/registry/mod.ts";
import { wholePool } from "../../../access/mod.ts";
import { deletedAnswer, itemsAnswer, responseAnswer } from "../shared/response_schemas.ts";
import { create } from "./create.ts";
import { paginate } from "./paginate.ts";
import { responseBody } from "./schema.ts";
import { notDeleted, type ReachableResponses, SharedResponses } from "./shared_responses.ts";
import { ResponseStore, type StoredItem, type StoredResponse } from "./store.ts";

/** Stored responses of each server, by its models. */
const stores = new WeakMap<ModelPool, ResponseStore>();

/** The stored responses of a server, of all keys. */
function wholeStore({ context }: Exchange): ResponseStore {
  const pool = wholePool(context.pool);
  let store = stores.get(pool);
  if (store === undefined) stores.set(pool, store = new ResponseStore());
  return store;
}

/** The stored responses that a request reaches: a signed key reaches only its own. */
export function storeOf(exchange: Exchange): ReachableResponses {
  const whole = wholeStore(exchange);
  const { key, context: { shared, parser } } = exchange;
  return {
    own: key === null ? whole : whole.of(key.id),
    shared: new SharedResponses(whole, shared, parser),
  };
}

/** Values of query parameters that describe what the server always does. */
const DEFAULT_VALUES: Readonly<Record<string, RegExp>> = {
  stream: /^false$/,
  include_obfuscation: /^false$/,
  include: /^(message\.output_text\.logprobs|reasoning\.encrypted_content)$/,
  "include[]": /^(message\.output_text\.logprobs|reasoning\.encrypted_content)$/,
};

function refuseQuery(url: URL, known: readonly string[]): void {
  for (const [name, value] of url.searchParams) {
    if (known.includes(name) || ownMember(DEFAULT_VALUES, name)?.test(value)) continue;
    throw new HttpError(400, `${name}: is not supported here`, { field: name });
  }
}

async function retrieve(exchange: Exchange): Promise<Response> {
  refuseQuery(exchange.url, []);
  return json((await find(exchange)).response);
}

async function remove(exchange: Exchange): Promise<Response> {
  const id = exchange.params.id!;
  const { own, shared } = storeOf(exchange);
  // Without the store, another server may have it.
  if (!await shared.fetch(id)) throw notDeleted(id);
  own.get(id);
  await shared.delete(id);
  return json({ id, object: "response", deleted: true });
}

/** @throws {HttpError} 404 */
async function find(exchange: Exchange): Promise<StoredResponse> {
  const id = exchange.params.id!;
  const { own, shared } = storeOf(exchange);
  await shared.fetch(id);
  return own.get(id);
}

async function inputItems(exchange: Exchange): Promise<Response> {
  refuseQuery(exchange.url, ["after", "limit", "order"]);
  const { input } = await find(exchange);
  return json(paginate(input.map(withDefaults), exchange.url.searchParams));
}

/** An item with the default values of OpenAI's API. */
function withDefaults(item: StoredItem) {
  if (item.type === "other") return { ...item.item, id: item.id };
  if (item.type !== undefined && item.type !== "message") return item;
  const type = item.role === "assistant" ? "output_text" as const : "input_text" as const;
  const content = typeof item.content === "string" ? [{ type, text: item.content }] : item.content;
  return { ...item, type: "message", status: "completed", content };
}

/** `POST /v1/responses` */
export const createResponse: RouteCode = {
  body: responseBody,
  answer: responseAnswer,
  handle: (exchange) => create(exchange, storeOf(exchange)),
};

/** `GET /v1/responses/:id` */
export const retrieveResponse: RouteCode = {
  answer: responseAnswer,
  handle: retrieve,
};

/** `DELETE /v1/responses/:id` */
export const deleteResponse: RouteCode = {
  answer: deletedAnswer,
  handle: remove,
};

/** `GET /v1/responses/:id/input_items` */
export const listInputItems: RouteCode = {
  answer: itemsAnswer,
  handle: inputItems,
};
