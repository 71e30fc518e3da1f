import { deviceBytes, loadedBytes, type ModelInfo } from "../../../../engine/protocol/mod.ts";
import {
  capabilitiesOf,
  keepAliveEnd,
  type ModelEntry,
  modelfileOf,
  modelfileText,
} from "../../../../models/entry/mod.ts";
import { readHeader } from "../../../../models/gguf/mod.ts";
import type { ModelUse } from "../../../../models/registry/mod.ts";
import { type Exchange, json } from "../../../http/mod.ts";
import { listResolved, type ResolvedModel } from "../../../answers/mod.ts";
import { details, listed } from "./describe.ts";
import { resolveModelName, taggedName } from "./tagged_name.ts";
import { readBody } from "../request/parse_body.ts";
import { showBody } from "../request/schema.ts";

/** The latest time of RFC 3339. */
const NEVER = "9999-12-31T23:59:59Z";

/**
 * The version of Ollama whose API the routes follow: clients compare it with the version they need. Since
 * this version, Ollama serves `/v1/responses` and `/v1/messages`.
 */
const API_LEVEL = "0.14.0";

/** `GET /api/version`: the API level, and Shimmy's own version. */
export function version({ context }: Exchange): Response {
  return json({ version: API_LEVEL, shimmy: context.settings.version });
}

/** `GET /api/status`: no model runs elsewhere. */
export function status(): Response {
  return json({ cloud: { disabled: true, source: "config" } });
}

/**
 * `GET /api/tags`: all models, latest first, each followed by its combinations with adapters. A model of
 * Ollama's store is listed under each of its tags.
 */
export async function tags({ context: { pool } }: Exchange): Promise<Response> {
  const named = (await listResolved(pool)).flatMap(withTags)
    .sort((a, b) => b.entry.modified - a.entry.modified);
  const models = await Promise.all(named.map(async ({ entry, adapter }) => ({
    ...await listed(entry, adapter),
    modified_at: new Date(entry.modified).toISOString(),
    capabilities: capabilitiesOf(entry, pool.state(entry).engine?.info),
  })));
  return json({ models });
}

/** A model with its other tags in Ollama's store, each as an entry of its own. */
function withTags(named: ResolvedModel): ResolvedModel[] {
  const { entry, adapter } = named;
  if (entry.source !== "ollama" || adapter !== null) return [named];
  const tags = (entry.aliases ?? []).filter((alias) => alias.includes(":"));
  return [named, ...tags.map((name) => ({ entry: { ...entry, name }, adapter }))];
}

/** `GET /api/ps`: the loaded models. */
export async function ps({ context: { pool } }: Exchange): Promise<Response> {
  const models = [];
  for (const entry of await pool.list()) {
    const { engine, use } = pool.state(entry);
    if (engine === null) continue;
    models.push({
      ...await listed(entry),
      size: loadedBytes(engine.info),
      size_vram: deviceBytes(engine.info).values().reduce((sum, bytes) => sum + bytes, 0),
      context_length: engine.info.contextLength,
      expires_at: expiry(use),
    });
  }
  return json({ models });
}

/** When an idle model is unloaded. */
function expiry(use: ModelUse | undefined): string {
  const left = use?.expiresInMs ?? null;
  return left === null ? NEVER : keepAliveEnd(left);
}

/** `POST /api/show`. */
export async function show(exchange: Exchange): Promise<Response> {
  const body = await readBody(exchange, showBody);
  const name = (body.model || body.name)!;
  const { pool } = exchange.context;
  const { entry, adapter } = await resolveModelName(pool, name);
  const info = pool.state(entry).engine?.info ?? null;
  const modelfile = await modelfileOf(entry);
  const license = modelfile.license ?? info?.metadata["general.license"];
  return json({
    ...(license === undefined ? {} : { license }),
    modelfile: modelfileText(taggedName(entry), adapter?.name ?? null, modelfile),
    parameters: modelfile.parameters,
    template: modelfile.template ?? entry.chatTemplate ?? "",
    system: modelfile.system,
    details: details(entry, adapter),
    messages: modelfile.messages,
    model_info: modelInfo(entry, info),
    ...await projectorInfo(entry),
    capabilities: capabilitiesOf(entry, info),
    modified_at: new Date(entry.modified).toISOString(),
  });
}

/** Metadata of the file: the keys that discovery reads, and all keys once the model is loaded. */
function modelInfo(entry: ModelEntry, info: ModelInfo | null): Record<string, unknown> {
  const { architecture, parameters, contextLength, embeddingLength } = entry;
  const known = {
    "general.architecture": architecture,
    "general.parameter_count": parameters,
    [`${architecture}.context_length`]: contextLength,
    [`${architecture}.embedding_length`]: embeddingLength,
  };
  const loaded = Object.entries(info?.metadata ?? {})
    .filter(([key]) => !key.startsWith("tokenizer.chat_template"))
    .map(([key, value]) => [key, isNumber(key, value, architecture) ? Number(value) : value]);
  const read = Object.entries(known).filter(([, value]) => value !== null);
  return { ...Object.fromEntries(loaded), ...Object.fromEntries(read) };
}

/** Metadata of the projector's file; nothing without a projector that can be read. */
async function projectorInfo({ projector }: ModelEntry) {
  const header = projector === undefined ? null : await readHeader(projector).catch(() => null);
  if (header === null) return {};
  const scalars = [...header.metadata].filter(([, value]) => typeof value !== "object");
  const plain = scalars.map(([key, value]) =>
    [key, typeof value === "bigint" ? Number(value) : value] as const
  );
  return { projector_info: Object.fromEntries(plain) };
}

/** libllama returns all values as text; values of the architecture that look like numbers are numbers. */
function isNumber(key: string, value: string, architecture: string): boolean {
  const numeric = key.startsWith(`${architecture}.`) || key.endsWith("_token_id") ||
    ["general.file_type", "general.quantization_version"].includes(key);
  return numeric && /^-?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(value);
}
