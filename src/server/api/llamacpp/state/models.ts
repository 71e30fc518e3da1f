import * as z from "zod";
import type { ModelInfo } from "../../../../engine/protocol/mod.ts";
import { capabilitiesOf, type ModelEntry } from "../../../../models/entry/mod.ts";
import { listResolved, qualifiedName } from "../../../answers/mod.ts";
import { type Exchange, json, type RouteCode } from "../../../http/mod.ts";

const modelsAnswer = z.object({
  object: z.literal("list"),
  data: z.array(z.object({
    id: z.string(),
    aliases: z.array(z.string()).describe("All names of the model"),
    tags: z.array(z.string()),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
    meta: z.looseObject({ n_ctx: z.int().nullable(), size: z.int() }),
  })),
  models: z.array(z.looseObject({ name: z.string() })),
});

/** The alias of every unknown name is no name. */
const ANY_NAME = "*";

/** Words about a model: those of its configuration, or else its capabilities and its family. */
function tagsOf(entry: ModelEntry, info: ModelInfo | null): readonly string[] {
  return entry.settings?.tags ??
    [...capabilitiesOf(entry, info), entry.architecture, entry.quantization];
}

async function list({ context: { pool } }: Exchange): Promise<Response> {
  const models = (await listResolved(pool)).map((named) => {
    const { entry } = named;
    const info = pool.state(entry).engine?.info ?? null;
    const id = qualifiedName(named);
    const aliases = (named.adapter === null ? entry.aliases ?? [] : [])
      .filter((alias) => alias !== ANY_NAME);
    return { id, entry, info, aliases: [id, ...aliases], tags: tagsOf(entry, info) };
  });
  return json({
    object: "list",
    data: models.map(({ id, entry, info, aliases, tags }) => ({
      id,
      aliases,
      tags,
      object: "model",
      created: Math.floor(entry.modified / 1000),
      owned_by: "shimmy",
      meta: {
        n_vocab: info?.vocabularySize ?? null,
        n_ctx: info?.contextLength ?? null,
        n_ctx_train: entry.contextLength,
        n_embd: entry.embeddingLength,
        n_params: info?.parameters ?? entry.parameters,
        size: entry.size,
        ftype: entry.quantization,
      },
    })),
    models: models.map(({ id, entry, info, tags }) => ({
      name: id,
      model: id,
      type: "model",
      tags,
      capabilities: capabilitiesOf(entry, info),
      details: { format: "gguf", family: entry.architecture },
    })),
  });
}

/** `GET /models` of llama-server. */
export const listModels: RouteCode = {
  answer: modelsAnswer,
  handle: list,
};
