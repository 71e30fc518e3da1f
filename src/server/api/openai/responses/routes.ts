import { ownMember } from "../../../../own_member.ts";
import { type Exchange, HttpError, json, type Route } from "../../../http/mod.ts";
import type { ModelPool } from "../../../../models/registry/mod.ts";
import { wholePool } from "../../../access/mod.ts";
import { deletedAnswer, itemsAnswer, responseAnswer } from "../shared/response_schemas.ts";
import { openaiDialect } from "../shared/dialect.ts";
import { create } from "./create.ts";
import { paginate } from "./paginate.ts";
import { responseBody } from "./schema.ts";
import { ResponseStore, type StoredItem } from "./store.ts";

/** Stored responses of each server, by its models. */
const stores = new WeakMap<ModelPool, ResponseStore>();

/** The stored responses of a server; a signed key reaches only its own. */
export function storeOf({ context, key }: Exchange): ResponseStore {
  const pool = wholePool(context.pool);
  let store = stores.get(pool);
  if (store === undefined) stores.set(pool, store = new ResponseStore());
  return key === null ? store : store.of(key.id);
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

function retrieve(exchange: Exchange): Response {
  refuseQuery(exchange.url, []);
  return json(storeOf(exchange).get(exchange.params.id!).response);
}

function remove(exchange: Exchange): Response {
  const id = exchange.params.id!;
  const store = storeOf(exchange);
  store.get(id);
  store.delete(id);
  return json({ id, object: "response", deleted: true });
}

function inputItems(exchange: Exchange): Response {
  refuseQuery(exchange.url, ["after", "limit", "order"]);
  const { input } = storeOf(exchange).get(exchange.params.id!);
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

const dialect = openaiDialect;

/** `/v1/responses`. */
export const responseRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/responses",
    scope: "chat",
    dialect,
    summary: "Generate a response for a conversation of items",
    body: responseBody,
    answer: responseAnswer,
    streams: ["text/event-stream"],
    handle: (exchange) => create(exchange, storeOf(exchange)),
  },
  {
    method: "GET",
    path: "/v1/responses/:id",
    scope: "chat",
    dialect,
    summary: "Retrieve a stored response",
    answer: responseAnswer,
    handle: retrieve,
  },
  {
    method: "DELETE",
    path: "/v1/responses/:id",
    scope: "chat",
    dialect,
    summary: "Delete a stored response",
    answer: deletedAnswer,
    handle: remove,
  },
  {
    method: "GET",
    path: "/v1/responses/:id/input_items",
    scope: "chat",
    dialect,
    summary: "List the input items of a stored response",
    query: {
      after: "Id of the item before the page",
      limit: "Items per page, 1 to 100. Default 20",
      order: "asc or desc. Default desc",
    },
    answer: itemsAnswer,
    handle: inputItems,
  },
];
