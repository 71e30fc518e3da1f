import * as z from "zod";
import { capabilitiesOf, type Capability } from "../../../models/entry/mod.ts";
import type { ModelPool } from "../../../models/registry/mod.ts";
import {
  listResolved,
  qualifiedName,
  type ResolvedModel,
  resolveModel,
} from "../../answers/mod.ts";
import { type Exchange, json, type RouteCode } from "../../http/mod.ts";
import { unixSeconds } from "./shared/envelope.ts";

const model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int().describe("Modification time of the file in seconds since the epoch"),
  owned_by: z.string(),
  parent: z.string().optional().describe("Base model of a model with an adapter"),
  context_length: z.int().nullable()
    .describe("Context length in tokens: of the loaded model, else of the training"),
  loaded: z.boolean(),
  capabilities: z.object({
    completion: z.boolean(),
    tools: z.boolean(),
    reasoning: z.boolean(),
    vision: z.boolean(),
    audio: z.boolean(),
    embeddings: z.boolean(),
    rerank: z.boolean(),
  }),
  architecture: z.string(),
  quantization: z.string(),
  parameters: z.int().nullable(),
  size: z.int().describe("Bytes of the files"),
});

const modelList = z.object({ object: z.literal("list"), data: z.array(model) });

function toModel(pool: ModelPool, named: ResolvedModel): z.output<typeof model> {
  const { entry, adapter } = named;
  const { engine } = pool.state(entry);
  const chatTemplate = engine?.info.chatTemplate ?? entry.chatTemplate;
  const capabilities = capabilitiesOf({ ...entry, chatTemplate }, engine?.info);
  const can = (capability: Capability) => capabilities.includes(capability);
  return {
    id: qualifiedName(named),
    object: "model",
    created: unixSeconds(entry.modified),
    owned_by: "shimmy",
    ...(adapter === null ? {} : { parent: entry.name }),
    context_length: engine?.info.contextLength ?? entry.contextLength,
    loaded: engine !== null,
    capabilities: {
      completion: can("completion"),
      tools: can("tools"),
      reasoning: can("thinking"),
      vision: can("vision"),
      audio: can("audio"),
      embeddings: can("embedding"),
      rerank: can("rerank"),
    },
    architecture: entry.architecture,
    quantization: entry.quantization,
    parameters: entry.parameters,
    size: entry.size,
  };
}

async function list({ context: { pool } }: Exchange): Promise<Response> {
  const data = (await listResolved(pool)).flatMap(withAliases).map((named) => toModel(pool, named));
  return json({ object: "list", data });
}

/** A model under its name, and under each alias. */
function withAliases(named: ResolvedModel): ResolvedModel[] {
  if (named.adapter !== null) return [named];
  return [named, ...(named.entry.aliases ?? []).map((alias) => ({ ...named, alias }))];
}

async function retrieve({ params, context: { pool } }: Exchange): Promise<Response> {
  return json(toModel(pool, await resolveModel(pool, params.id)));
}

/** `GET /v1/models` */
export const listModels: RouteCode = {
  answer: modelList,
  handle: list,
};

/** `GET /v1/models/:id` */
export const describeModel: RouteCode = {
  answer: model,
  handle: retrieve,
};
