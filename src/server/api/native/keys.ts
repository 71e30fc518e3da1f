import * as z from "zod";
import { STATUS_CODE } from "@std/http/status";
import {
  DEFAULT_SCOPES,
  type KeyClaims,
  keyJson,
  type KeyKnowledge,
  type KeyRights,
  type KeyStore,
  knownKeyJson,
  parseLifetime,
  parseQuota,
  type Scope,
  SCOPES,
} from "../../../access/mod.ts";
import { ShimmyError } from "../../../errors.ts";
import { type Exchange, HttpError, readJson, type RouteCode } from "../../http/mod.ts";
import { parseStrict } from "../../validation/mod.ts";

const rightsSchema = z.object({
  id: z.string(),
  name: z.string(),
  created: z.iso.datetime(),
  expires: z.iso.datetime().nullable(),
  scopes: z.array(z.enum(SCOPES)),
  models: z.array(z.string()).nullable().describe("Patterns of model names; null: all models"),
  rate: z.string().nullable(),
  tokens: z.string().nullable(),
});

const keySchema = rightsSchema.extend({
  state: z.enum(["valid", "expired", "revoked"]),
  used_requests: z.int(),
  used_tokens: z.int(),
  last_used: z.iso.datetime().nullable(),
});

const text = z.string({ error: "must be text" });
const SCOPES_ERROR = `must be a list of some of ${SCOPES.join(", ")}`;
const SCOPE_ERROR = `must be one of ${SCOPES.join(", ")}`;
const MODELS_ERROR = "must be a list of 1 to 100 patterns of at most 200 characters";
const pattern = text.min(1, { error: "must not be empty" })
  .max(200, { error: "must have at most 200 characters" });

const createSchema = z.strictObject({
  name: text.trim().min(1, { error: "must not be empty" })
    .max(100, { error: "must have at most 100 characters" })
    .describe("Name of the key's holder"),
  scopes: z.array(z.enum(SCOPES, { error: SCOPE_ERROR }), { error: SCOPES_ERROR }).min(1, {
    error: SCOPES_ERROR,
  }).nullish()
    .describe(`Default: ${DEFAULT_SCOPES.join(", ")}`),
  models: z.array(pattern, { error: MODELS_ERROR })
    .min(1, { error: MODELS_ERROR }).max(100, { error: MODELS_ERROR }).nullish()
    .describe("Patterns of model names with * and ?. Default: all models"),
  expires: text.nullish().describe("Lifetime such as 30d or 12h. Default: no end"),
  rate: text.nullish().describe("Maximum requests, such as 60/min"),
  tokens: text.nullish().describe("Maximum tokens, such as 1M/day"),
});

/** `GET /api/keys` */
export const listKeys: RouteCode = {
  answer: z.object({ keys: z.array(keySchema) }),
  async handle(exchange) {
    const known = await knownKeys(storeFor(exchange));
    return Response.json({
      keys: known.list.keys.map((claims) => knownKeyJson(claims, known)),
    });
  },
};

/** `POST /api/keys` */
export const createKey: RouteCode = {
  body: createSchema,
  answer: rightsSchema.extend({ key: z.string() }),
  async handle(exchange) {
    const store = storeFor(exchange);
    const body = parseStrict(createSchema, await readJson(exchange));
    const { key, claims } = await store.create(rightsOf(body, exchange.key));
    // Neither the browser nor a proxy keeps the key.
    return Response.json({ key, ...keyJson(claims) }, {
      headers: { "cache-control": "no-store" },
    });
  },
};

/** `GET /api/keys/:id` */
export const describeKey: RouteCode = {
  answer: keySchema,
  async handle(exchange) {
    const known = await knownKeys(storeFor(exchange));
    const id = idOf(exchange);
    const claims = known.list.keys.find((one) => one.id === id);
    if (claims === undefined) throw unknownKey(id);
    return Response.json(knownKeyJson(claims, known));
  },
};

/** `DELETE /api/keys/:id` */
export const revokeKey: RouteCode = {
  answer: z.object({ id: z.string(), state: z.literal("revoked") }),
  async handle(exchange) {
    const store = storeFor(exchange);
    const id = idOf(exchange);
    await store.revoke(id);
    return Response.json({ id, state: "revoked" });
  },
};

/**
 * The store of keys, for a request that may manage them.
 *
 * @throws {HttpError} 403 if the server requires no key, or if the request's key has limits: its new keys
 * would not have them.
 */
function storeFor({ context, key }: Exchange): KeyStore {
  const { keys, keyring, settings } = context;
  if (keys === undefined) throw forbidden("This server has no folder for keys");
  if (settings.apiKey === null && !keyring?.isRequired) {
    // Otherwise the first key would lock everybody out who has none.
    throw forbidden("This server requires no keys; make the first with shimmy keys create");
  }
  const limits = (["models", "rate", "tokens"] as const).filter((one) => key?.[one] !== undefined);
  if (limits.length > 0) {
    throw forbidden(`This key is limited in ${limits.join(", ")} and may not manage keys`);
  }
  return keys;
}

async function knownKeys(store: KeyStore): Promise<KeyKnowledge> {
  return await store.list() ?? { list: { keys: [], revoked: {} }, use: {}, now: Date.now() / 1000 };
}

/** The id in the path. @throws {ShimmyError} `not_found` for a text that is no id. */
function idOf({ params }: Exchange): string {
  const id = params.id!.toLowerCase();
  if (!/^[0-9a-f]{16}$/.test(id)) throw unknownKey(id);
  return id;
}

function unknownKey(id: string): ShimmyError {
  return new ShimmyError("not_found", `Key '${id}' not found`);
}

/**
 * The rights of a new key.
 *
 * @param creator The key that makes it, which gives only rights that it has; null: all rights.
 */
function rightsOf(body: z.output<typeof createSchema>, creator: KeyClaims | null): KeyRights {
  const { name, models, rate, tokens } = body;
  const scopes: readonly Scope[] = body.scopes ?? DEFAULT_SCOPES;
  const missing = scopes.filter((one) => !(creator?.scopes.includes(one) ?? true));
  if (missing.length > 0) {
    throw forbidden(`This key lacks the scope '${missing[0]}' and may not give it`, "scopes");
  }
  const expires = expiryOf(body.expires ?? null, creator);
  return {
    name,
    scopes: [...new Set(scopes)],
    ...(expires === undefined ? {} : { expires }),
    ...(models == null ? {} : { models }),
    ...(rate == null ? {} : { rate: parseQuota(rate, "rate") }),
    ...(tokens == null ? {} : { tokens: parseQuota(tokens, "tokens") }),
  };
}

/** The end of a new key in seconds since the epoch, which is not after the end of its creator. */
function expiryOf(lifetime: string | null, creator: KeyClaims | null): number | undefined {
  const latest = creator?.expires;
  if (lifetime === null) return latest;
  const asked = Math.floor(Date.now() / 1000) + parseLifetime(lifetime, "expires");
  if (latest === undefined || asked <= latest) return asked;
  throw forbidden("This key may not make a key that expires after it", "expires");
}

function forbidden(message: string, field?: string): HttpError {
  const options = field === undefined ? {} : { field };
  return new HttpError(STATUS_CODE.Forbidden, message, options);
}
